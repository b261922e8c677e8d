"""The lab's container engine: a stand-in, whose containers are the lab's own programs."""

from __future__ import annotations

from deployments.lab import engine
from deployments.lab.piece import Piece, Place, Values

PORT = "engine"


def _values(place: Place) -> Values:
    return {
        "url": f"tcp://127.0.0.1:{place.ports[PORT]}",
        "project": engine.PROJECT,
        "services": list(engine.SERVICES),
    }


PIECE = Piece(script=engine.__file__, ports=(PORT,), values=_values)
