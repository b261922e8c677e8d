"""The lab's worker, which takes jobs from its queues."""

from __future__ import annotations

from deployments.lab import queues
from deployments.lab.piece import Piece, Place, Values
from deployments.lab.pieces import valkey


def _prepare(place: Place) -> None:
    queues.prepare_worker(place.folder, place.of("valkey"))


def _values(place: Place) -> Values:
    passwords = queues.passwords(place.of("valkey"))
    return {
        "port": place.ports[valkey.PORT],
        "password": passwords["monitor"],
        "action_password": passwords["operator"],
        "trouble": str(place.folder / queues.TROUBLE),
    }


PIECE = Piece(script=queues.WORKER, uses=(valkey.PORT,), prepare=_prepare, values=_values)
