"""The lab's object storage, in which its application keeps its files."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import store
from deployments.lab.piece import Piece, Place, Values

PORT = "store"


def _prepare(place: Place) -> None:
    place.afresh(store.TROUBLE, f"{store.KEY}.before")
    pairs = [f"LAB{number}:{accounts.new_password()}" for number in range(2)]
    private_file.write(place.folder / store.KEYS, "\n".join(pairs))
    private_file.write(place.folder / store.KEY, f"{pairs[0]}\n")


def _values(place: Place) -> Values:
    pairs = (place.folder / store.KEYS).read_text(encoding="utf-8").split()
    return {
        "url": f"http://127.0.0.1:{place.ports[PORT]}",
        "key_file": str(place.folder / store.KEY),
        "spare_key": pairs[1],
        "trouble": str(place.folder / store.TROUBLE),
    }


PIECE = Piece(script=store.__file__, ports=(PORT,), prepare=_prepare, values=_values)
