"""The lab's website, and what it logs."""

from __future__ import annotations

from deployments.lab import certificates, website
from deployments.lab.piece import Piece, Place, Values

PORT = "website"


def _prepare(place: Place) -> None:
    place.afresh(website.TROUBLE)
    certificates.issue(place.folder)


def _values(place: Place) -> Values:
    site = f"https://127.0.0.1:{place.ports[PORT]}"
    return {
        "home_page": f"{site}/",
        "health": f"{site}/health",
        "ca": str(place.folder / certificates.CA),
        "trouble": str(place.folder / website.TROUBLE),
        "log": str(place.folder / website.LOG),
        "access": str(place.folder / website.ACCESS),
    }


PIECE = Piece(script=website.__file__, ports=(PORT,), prepare=_prepare, values=_values)
