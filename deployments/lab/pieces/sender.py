"""The lab's sender of mails: it works through the application's queue."""

from __future__ import annotations

from deployments import private_file
from deployments.lab import sender
from deployments.lab.piece import Piece, Place


def _prepare(place: Place) -> None:
    private_file.write(place.folder / sender.URL, place.url("app"))


PIECE = Piece(script=sender.__file__, prepare=_prepare)
