"""The shade browns: nothing but a person can mend it."""

from __future__ import annotations

from datetime import timedelta

from lamp.checks import check_lamp_heat

from runbooks.model import Manual, Runbook, Severity, Symptom, Verify, Watch

runbook = Runbook(
    title="The shade browns",
    problem="The lamp is so hot that its shade browns.",
    severity=Severity.P2,
    keywords=("heat", "smell"),
    symptoms=(Symptom(heard="It smells of paper."),),
    diagnosis=(check_lamp_heat,),
    resolution=(Manual("Let it cool", when=check_lamp_heat, how="Open a window, and take the shade off."),),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    prevention=(Watch(check_lamp_heat, every=timedelta(minutes=15)),),
)
