"""The lamp is cared for in the small hours."""

from __future__ import annotations

from datetime import time, timedelta

from lamp.actions import ReplaceWiring, SwitchOn
from lamp.care import DustShades, LetDustFall
from lamp.checks import check_lamp_answers, check_lamp_heat, check_lamp_is_lit
from lamp.condition import check_lamp_dust

from runbooks.model import Drill, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window

maintenance = Maintenance(
    title="Care for the lamp",
    purpose="A dusty shade burns.",
    keywords=("dust", "clean"),
    window=Window(start=time(3), length=timedelta(hours=2), days=(Day.SUNDAY,)),
    prerequisites=(check_lamp_answers,),
    diagnosis=(check_lamp_dust, check_lamp_is_lit, check_lamp_heat),
    steps=(
        Step(DustShades(), when=check_lamp_dust),
        Step(SwitchOn(), when=check_lamp_is_lit),
        Step(ReplaceWiring(), when=check_lamp_heat),
    ),
    verification=Verify(hold=timedelta(seconds=0.4), within=timedelta(seconds=1)),
    drills=(Drill(fault=LetDustFall(), noticed_by=check_lamp_dust, resolved_by=DustShades),),
)
