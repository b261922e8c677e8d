"""The lamp flickers: one hot look is none, two of three are."""

from __future__ import annotations

from datetime import timedelta

from lamp.checks import check_lamp_heat

from runbooks.model import Manual, Runbook, Settle, Severity, Symptom, Verify, Watch

runbook = Runbook(
    title="The lamp flickers",
    problem="The lamp is hot now and then.",
    severity=Severity.P3,
    keywords=("flicker",),
    symptoms=(Symptom(heard="My eyes hurt."),),
    diagnosis=(check_lamp_heat,),
    resolution=(Manual("Tighten the bulb", when=check_lamp_heat, how="With a cloth."),),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    prevention=(Watch(check_lamp_heat, every=timedelta(minutes=10), settle=Settle(bad=2, of=3)),),
)
