"""The lab's block list, and the folder where its evidence is kept."""

from __future__ import annotations

from deployments.lab.piece import Piece, Place, Values

LIST = "blocked.conf"


def _prepare(place: Place) -> None:
    """A list without what a drill of a lab that was killed may have left there."""
    (place.folder / LIST).write_text("", encoding="utf-8")


def _values(place: Place) -> Values:
    return {"list": str(place.folder / LIST), "evidence": str(place.folder / "evidence")}


PIECE = Piece(prepare=_prepare, values=_values)
