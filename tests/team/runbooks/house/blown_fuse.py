"""The fuse has blown, and took the lamp with it: an incident of two steps, as short as one can be."""

from __future__ import annotations

from datetime import timedelta

from lamp.actions import SwitchOn
from lamp.checks import check_lamp_is_lit
from lamp.fuse import ReplaceFuse, check_fuse_is_whole

from runbooks.model import Manual, Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="The fuse has blown",
    problem="The lamp is off because its fuse is blown, and has to be switched on again afterwards.",
    severity=Severity.P2,
    keywords=("fuse", "short circuit"),
    symptoms=(Symptom(heard="It went dark with a bang."),),
    diagnosis=(check_fuse_is_whole, check_lamp_is_lit),
    resolution=(
        Step(ReplaceFuse(), when=check_fuse_is_whole),
        Step(SwitchOn(), when=check_lamp_is_lit),
        Manual("Keep a spare fuse", when=check_fuse_is_whole, how="Tape one to the inside of the door."),
    ),
    verification=Verify(hold=timedelta(seconds=0.1), within=timedelta(seconds=0.5)),
    prevention=(Watch(check_lamp_is_lit, every=timedelta(minutes=5)),),
)
