"""The lab's Valkey, which holds its queues."""

from __future__ import annotations

from deployments.lab import queues, valkey
from deployments.lab.piece import Piece, Place, Values

PORT = "valkey"


def _prepare(place: Place) -> None:
    queues.prepare_valkey(place.folder)


def _values(place: Place) -> Values:
    return {"port": place.ports[PORT], "password": queues.passwords(place.folder)["monitor"]}


PIECE = Piece(script=valkey.__file__, ports=(PORT,), prepare=_prepare, values=_values)
