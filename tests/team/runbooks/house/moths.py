"""Moths: a symptom that waits for its root."""

from __future__ import annotations

from datetime import timedelta

from lamp.moths import Shoo, check_moths

from runbooks.model import Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="Moths sit on the lamp",
    problem="They come with the dust.",
    severity=Severity.P3,
    keywords=("moths",),
    symptoms=(Symptom(heard="Something flutters."),),
    diagnosis=(check_moths,),
    resolution=(Step(Shoo(), when=check_moths),),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    prevention=(Watch(check_moths, every=timedelta(minutes=20)),),
    symptom_of=("house/dust",),
)
