"""The lab's application, by its own tables."""

from __future__ import annotations

from deployments.lab.piece import Piece, Place, Values


def _values(place: Place) -> Values:
    return {"url": place.url("auditor"), "action_url": place.url("operator"), "drill_url": place.url("app")}


PIECE = Piece(values=_values)
