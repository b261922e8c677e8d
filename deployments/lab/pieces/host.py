"""The machine the lab runs on."""

from __future__ import annotations

from deployments.lab.piece import Piece, Place, Values


def _values(place: Place) -> Values:
    return {"disk": str(place.home.root)}


PIECE = Piece(values=_values)
