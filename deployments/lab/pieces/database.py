"""The lab's database server, its backups and old rows."""

from __future__ import annotations

from deployments.cluster import SUPERUSER
from deployments.lab import service
from deployments.lab.piece import Piece, Place, Values


def _values(place: Place) -> Values:
    return {
        **{verb: service.command(verb, service.POSTGRES) for verb in service.VERBS},
        "url": place.url("monitor"),
        "action_url": place.url("operator"),
        "drill_url": place.url("app"),
        "auditor_url": place.url("auditor"),
        "backups": str(place.of("backups")),
        # Restores what belongs to others, into a database of its own.
        "superuser_url": place.url(SUPERUSER, SUPERUSER),
    }


PIECE = Piece(values=_values)
