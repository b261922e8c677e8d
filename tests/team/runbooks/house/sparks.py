"""The lamp sparks: what is done at once."""

from __future__ import annotations

from datetime import timedelta

from lamp.checks import check_lamp_heat
from lamp.current import CutCurrent, check_current_is_cut

from runbooks.model import Manual, Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="The lamp sparks",
    problem="Somebody saw sparks: nobody waits for a thermometer.",
    severity=Severity.P0,
    keywords=("sparks", "smoke"),
    symptoms=(Symptom(heard="There are sparks."),),
    diagnosis=(check_current_is_cut, check_lamp_heat),
    resolution=(
        Step(CutCurrent(), when=check_current_is_cut, at_once=True),
        Manual("Pull the plug", when=check_current_is_cut, how="With dry hands."),
    ),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    # In a round of its own: where the one of a quarter of an hour is lived through, only its runbook is published.
    prevention=(Watch(check_lamp_heat, every=timedelta(minutes=20)),),
)
