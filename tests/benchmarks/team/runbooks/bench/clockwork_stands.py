"""A runbook with six questions, of known length."""

from __future__ import annotations

from datetime import timedelta

from clockwork.actions import Wind
from clockwork.checks import check_fifth, check_first, check_fourth, check_second, check_sixth, check_third

from runbooks.model import Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="The clockwork stands",
    problem="No wheel turns.",
    severity=Severity.P2,
    keywords=("clockwork",),
    symptoms=(Symptom(heard="It is silent."),),
    diagnosis=(check_first, check_second, check_third, check_fourth, check_fifth, check_sixth),
    resolution=(Step(Wind(), when=check_first),),
    verification=Verify(hold=timedelta(seconds=1), within=timedelta(seconds=4)),
    prevention=(Watch(check_first, every=timedelta(hours=1)),),
)
