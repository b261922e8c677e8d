"""What we ask about our own measurements: are old months still there point by point?"""

from __future__ import annotations

from tasks import deadline
from tasks.amounts import size
from tasks.check import check
from tasks.measurements.system import Measurements
from tasks.model import Finding, Threshold
from tasks.postgres.words import count

UNTHINNED = Threshold(
    warn=1,
    bad=3,
    because="Owner: whoever runs the stack. A month falls due each month, and is thinned in the next window. Three are "
    "a quarter in which nobody could, while the disk of the record fills with points that nobody draws any more.",
)


@check
def check_unthinned_measurements(measurements: Measurements, due: Threshold = UNTHINNED) -> Finding:
    """Are there months of measurements that should be hours by now?"""
    found = measurements.thinning.due(deadline.now())

    taken = size(sum(one.bytes for one in found))
    return Finding(
        verdict=due.judge(len(found)),
        says=f"{count(len(found), 'part')} of the measurements on {measurements.thinning.address} are due (bad from "
        f"{due.bad:.0f}): {taken} older than {measurements.points_days} days.",
        value=len(found),
        unit="parts",
        rows=[{"part": one.part, "rows": one.rows, "bytes": one.bytes} for one in found],
    )
