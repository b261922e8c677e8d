"""Lift the emergency stop, a little at first."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Parameter
from runbooks.playbook import Playbook
from tasks.application.control.actions import FIRST_PER_RUN, ResumeSending
from tasks.application.control.checks import check_emergency_stop, check_wrong_recipients
from tasks.application.control.queue import WithdrawWrong

PER_RUN = Parameter(
    name="per_run",
    says="How many mails a run may send: 1 to lift the stop, then ten times as much each time you have looked.",
    type=Annotated[int, Field(ge=1, le=1_000_000)],
    default=FIRST_PER_RUN,
)

playbook = Playbook(
    title="Let mail go out again after a stop",
    purpose=(
        "Lifts the application's emergency stop with one mail a run, and raises the limit tenfold each time it is run "
        "again and somebody has looked at what goes out. For when the cause of the stop is mended."
    ),
    keywords=("resume", "lift", "emergency stop", "clear the stop", "gradually", "ramp up", "per run", "limit"),
    parameters=(PER_RUN,),
    prerequisites=(check_wrong_recipients,),
    steps=(
        # With the stop lifted they would go out.
        Step(WithdrawWrong()),
        Step(ResumeSending()),
        Manual(
            "Look at what goes out",
            how="""\
Read the first mails that went out since: are they for the right people, with the right words? Watch bounces and
complaints for as long as it takes to have some: an hour at least.

Sign off when they are right, and run this playbook again with ten times as many (per_run), until the limit is what it
was before the stop. If they are wrong: incident run email/emergency-stop.""",
        ),
    ),
    success=(check_emergency_stop, check_wrong_recipients),
    verification=Verify(hold=timedelta(0), within=timedelta(minutes=5)),
    related=("email/emergency-stop",),
)
