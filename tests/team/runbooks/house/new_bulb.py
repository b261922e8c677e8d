"""A new bulb: planned work, with everything in it a playbook can have."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from lamp.actions import SwitchOn
from lamp.care import FitBulb
from lamp.checks import check_lamp_heat, check_lamp_is_lit
from lamp.condition import check_bulb_is_fitted

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Name, Parameter
from runbooks.playbook import Playbook

playbook = Playbook(
    title="Fit a new bulb",
    purpose="The bulb is old; it is changed before it fails.",
    keywords=("bulb", "renew"),
    parameters=(
        Parameter(name="bulb", type=Name, says="The bulb, as it is labelled."),
        Parameter(name="colour", type=Literal["warm", "cold"], says="The light.", default="warm"),
    ),
    prerequisites=(check_lamp_heat,),
    steps=(
        Manual("Tell the room", how="Say that it will be dark for a while."),
        Step(FitBulb()),
        Step(SwitchOn()),
    ),
    success=(check_bulb_is_fitted, check_lamp_is_lit),
    verification=Verify(hold=timedelta(seconds=0.4), within=timedelta(seconds=1)),
)
