"""The lamp is looked at every evening."""

from __future__ import annotations

from datetime import time, timedelta

from lamp.checks import check_lamp_answers, check_lamp_heat, check_lamp_is_lit

from runbooks.cadence import Cadence
from runbooks.checklist import Health, Ran
from runbooks.model import Manual
from tasks.postgres.connections.checks import check_can_connect

health = Health(
    title="Look after the lamp",
    purpose="Nobody wants to look for matches in the dark.",
    keywords=("evening", "matches"),
    cadence=Cadence(at=time(19), due_for=timedelta(hours=4)),
    questions=(check_lamp_is_lit, check_lamp_heat, check_lamp_answers, check_can_connect),
    # In a place without a database the second has nothing to do.
    ran=(Ran("house/lamp-care", within=timedelta(days=8)), Ran("maintenance/database", within=timedelta(days=8))),
    objectives=True,
    sign_offs=(
        Manual("Draw the curtains", how="All of them."),
        Manual("Lay matches ready", how="Where you find them."),
    ),
    sign_off_within=timedelta(hours=12),
)
