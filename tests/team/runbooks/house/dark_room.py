"""The room is dark."""

from __future__ import annotations

from datetime import timedelta

from lamp.actions import ReplaceWiring, SwitchOn
from lamp.checks import check_lamp_answers, check_lamp_heat, check_lamp_is_lit

from runbooks.model import Manual, Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="The room is dark",
    problem="Nobody sees anything because the lamp is off.",
    severity=Severity.P2,
    keywords=("light", "bulb"),
    symptoms=(Symptom(heard="I cannot see my hand."),),
    diagnosis=(check_lamp_is_lit, check_lamp_heat, check_lamp_answers),
    resolution=(
        Step(SwitchOn(), when=check_lamp_is_lit),
        Step(ReplaceWiring(), when=check_lamp_heat),
        Manual(
            "Keep a candle",
            when=check_lamp_is_lit,
            how="Buy candles, and put them where you find them in the dark.",
            quotes=(check_lamp_is_lit, check_lamp_heat),
        ),
    ),
    verification=Verify(hold=timedelta(seconds=0.4), within=timedelta(seconds=1)),
    prevention=(Watch(check_lamp_is_lit, every=timedelta(minutes=5)),),
)
