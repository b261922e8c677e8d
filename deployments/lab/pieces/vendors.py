"""The lab's vendors: Claude, Grok, MillionVerifier and Unipile."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import vendors
from deployments.lab.piece import Piece, Place, Values

PORT = "vendors"


def _prepare(place: Place) -> None:
    keys = {vendor: {name: accounts.new_password() for name in vendors.HELD} for vendor in vendors.NAMES}
    private_file.write_json(place.folder / vendors.KEYS, keys)
    private_file.write(place.folder / vendors.URL, place.url("app"))
    for vendor, held in keys.items():
        place.afresh(vendors.trouble_file(vendor), f"{vendors.key_file(vendor)}.before")
        private_file.write(place.folder / vendors.key_file(vendor), f"{held[vendors.FIRST]}\n")
    place.afresh(vendors.LINKS)


def _values(place: Place) -> Values:
    keys = private_file.read_json(place.folder / vendors.KEYS)
    told = {"claude_model": vendors.MODEL, "unipile_links": str(place.folder / vendors.LINKS)}
    for vendor in vendors.NAMES:
        told |= {
            f"{vendor}_url": f"http://127.0.0.1:{place.ports[PORT]}/{vendor}",
            f"{vendor}_key_file": str(place.folder / vendors.key_file(vendor)),
            f"{vendor}_spare_key": keys[vendor][vendors.SPARE],
            f"{vendor}_trouble": str(place.folder / vendors.trouble_file(vendor)),
        }
    return told


PIECE = Piece(script=vendors.__file__, ports=(PORT,), prepare=_prepare, values=_values)
