"""Dust: a set that moves, approved by its description."""

from __future__ import annotations

from datetime import timedelta

from lamp.dust import Sweep, check_dust

from runbooks.model import Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="Dust lies on the lamp",
    problem="Specks keep falling while somebody decides to sweep.",
    severity=Severity.P3,
    keywords=("dust",),
    symptoms=(Symptom(heard="It is dusty."),),
    diagnosis=(check_dust,),
    resolution=(Step(Sweep(), when=check_dust),),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    prevention=(Watch(check_dust, every=timedelta(minutes=20)),),
)
