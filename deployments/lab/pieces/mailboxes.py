"""The lab's mail on disk: what goes out, and what bounced."""

from __future__ import annotations

from deployments.lab import mailboxes
from deployments.lab.piece import Piece, Place, Values


def _prepare(place: Place) -> None:
    mailboxes.prepare(place.folder)


def _values(place: Place) -> Values:
    return {
        "outgoing": str(place.folder / mailboxes.OUTGOING),
        "bounces": str(place.folder / mailboxes.BOUNCES),
    }


PIECE = Piece(prepare=_prepare, values=_values)
