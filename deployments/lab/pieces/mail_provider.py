"""The lab's mail provider."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import provider
from deployments.lab.piece import Piece, Place, Values

PORT = "mail_provider"


def _prepare(place: Place) -> None:
    place.afresh(provider.TROUBLE, provider.STATE, f"{provider.KEY}.before")
    keys = {name: accounts.new_password() for name in provider.HELD}
    private_file.write_json(place.folder / provider.KEYS, keys)
    private_file.write(place.folder / provider.KEY, f"{keys[provider.FIRST]}\n")


def _values(place: Place) -> Values:
    return {
        "url": f"http://127.0.0.1:{place.ports[PORT]}",
        "domain": provider.DOMAIN,
        "subaccount": provider.SUBACCOUNT,
        "key_file": str(place.folder / provider.KEY),
        "spare_key": private_file.read_json(place.folder / provider.KEYS)[provider.SPARE],
        "trouble": str(place.folder / provider.TROUBLE),
    }


PIECE = Piece(script=provider.__file__, ports=(PORT,), prepare=_prepare, values=_values)
