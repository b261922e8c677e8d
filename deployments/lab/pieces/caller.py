"""Whoever uses the lab's website: without requests there are none that fail."""

from __future__ import annotations

from deployments import private_file
from deployments.lab import caller, certificates
from deployments.lab.piece import Piece, Place
from deployments.lab.pieces import website


def _prepare(place: Place) -> None:
    private_file.write(place.folder / caller.TRUSTED, f"{place.of('website') / certificates.CA}\n")


PIECE = Piece(script=caller.__file__, uses=(website.PORT,), prepare=_prepare)
