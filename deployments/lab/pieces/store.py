"""The lab's object storage, in which its application keeps its files, and another bucket for their copy."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import store
from deployments.lab.piece import Piece, Place, Values

PORT = "store"
MANIFEST = "copied.jsonl"


def _prepare(place: Place) -> None:
    place.afresh(store.TROUBLE, f"{store.KEY}.before", MANIFEST)
    # The application's, its spare one, and that of whoever copies.
    pairs = [f"LABKEY{number:04}:{accounts.new_password()}" for number in range(3)]
    private_file.write(place.folder / store.KEYS, "\n".join(pairs))
    private_file.write(place.folder / store.KEY, f"{pairs[0]}\n")


def _values(place: Place) -> Values:
    pairs = (place.folder / store.KEYS).read_text(encoding="utf-8").split()
    copying, secret = pairs[2].split(":")
    return {
        "url": f"http://127.0.0.1:{place.ports[PORT]}",
        "key_file": str(place.folder / store.KEY),
        "spare_key": pairs[1],
        "trouble": str(place.folder / store.TROUBLE),
        "manifest": str(place.folder / MANIFEST),
        "copy_key": copying,
        "copy_secret": secret,
    }


PIECE = Piece(script=store.__file__, ports=(PORT,), prepare=_prepare, values=_values)
