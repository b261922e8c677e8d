"""The lab's n8n."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import n8n
from deployments.lab.piece import Piece, Place, Values

PORT = "n8n"


def _prepare(place: Place) -> None:
    place.afresh(n8n.TROUBLE, n8n.STATE)
    private_file.write_json(place.folder / n8n.KEYS, {accounts.new_password(): n8n.SCOPES})


def _values(place: Place) -> Values:
    return {
        "url": f"http://127.0.0.1:{place.ports[PORT]}",
        "key": next(iter(private_file.read_json(place.folder / n8n.KEYS))),
        "exports": str(place.folder / "exports"),
        "trouble": str(place.folder / n8n.TROUBLE),
    }


PIECE = Piece(script=n8n.__file__, ports=(PORT,), prepare=_prepare, values=_values)
