"""Every day: blocks whose time is over are lifted."""

from datetime import time, timedelta

from runbooks.model import Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.blocking.actions import LiftBlocksThatAreOver
from tasks.blocking.checks import check_blocks_over
from tasks.model import Risk

maintenance = Maintenance(
    title="Lift blocks whose time is over",
    purpose=(
        "Lifts the blocks of addresses that an incident made and whose hours have passed: an address has another owner "
        "tomorrow. Blocks of others are not touched, and a firewall that ends its blocks by itself is left alone."
    ),
    keywords=("block list", "blocked address", "ban", "unban", "deny", "firewall", "expiry", "security"),
    # Before the day begins: whoever was blocked by mistake is let in by then.
    window=Window(start=time(5, 30), length=timedelta(hours=2), days=tuple(Day)),
    unattended=Risk.LOW,
    diagnosis=(check_blocks_over,),
    steps=(Step(LiftBlocksThatAreOver(), when=check_blocks_over),),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("security/incident",),
)
