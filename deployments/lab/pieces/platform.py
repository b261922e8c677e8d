"""The lab's hosted platforms: Vercel, where its website is deployed, and Cloudflare with a Worker and a database."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import platform
from deployments.lab.piece import Piece, Place, Values

PORT = "platform"
WEBSITE = "website"


def _prepare(place: Place) -> None:
    place.afresh(platform.DEPLOYED)
    private_file.write(place.folder / platform.TOKEN, f"{accounts.new_password()}\n")
    private_file.write(place.folder / platform.SITE, f"{place.of(WEBSITE)}\n")


def _values(place: Place) -> Values:
    there = f"http://127.0.0.1:{place.ports[PORT]}"
    return {
        "url": f"{there}/{platform.VERCEL}",
        "cloudflare_url": f"{there}/{platform.CLOUDFLARE}",
        "account": platform.ACCOUNT,
        "script": platform.SCRIPT,
        "database": platform.DATABASE,
        "token": (place.folder / platform.TOKEN).read_text(encoding="utf-8").strip(),
        "project": platform.PROJECT,
        **platform.DRILLS,
    }


PIECE = Piece(script=platform.__file__, ports=(PORT,), prepare=_prepare, values=_values)
