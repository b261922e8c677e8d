"""The CRM, which keeps a copy of the application's leads."""

from __future__ import annotations

from deployments.lab import mirror
from deployments.lab.piece import Piece, Place, Values


def _values(place: Place) -> Values:
    roles = {"url": "auditor", "action_url": "operator", "drill_url": "app"}
    ours = {name: place.url(role) for name, role in roles.items()}
    return {**ours, **{f"crm_{name}": place.url(role, mirror.DATABASE) for name, role in roles.items()}}


PIECE = Piece(values=_values)
