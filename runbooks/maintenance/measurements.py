"""Every month: of old measurements the hours are kept, and the points go."""

from datetime import time, timedelta

from runbooks.model import Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.measurements.actions import ThinMeasurements
from tasks.measurements.checks import check_unthinned_measurements
from tasks.model import Risk

maintenance = Maintenance(
    title="Thin old measurements",
    purpose=(
        "Makes hours (lowest, average, highest) of the months of measurements that are older than ninety days, drops "
        "their points, and drops hours after two years. Only where an environment names the owner of the journal's "
        "tables; otherwise it is done by hand: incident audit thin."
    ),
    keywords=("measurements", "time series", "down-sampling", "retention", "partitions", "disk", "monthly"),
    # Before the week begins, and away from the nightly backup and the database's care.
    window=Window(start=time(7, 30), length=timedelta(hours=2), days=(Day.SUNDAY,), weeks=(1,)),
    unattended=Risk.LOW,
    diagnosis=(check_unthinned_measurements,),
    steps=(Step(ThinMeasurements(), when=check_unthinned_measurements),),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("maintenance/cleanup",),
)
