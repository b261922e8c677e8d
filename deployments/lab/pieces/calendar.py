"""The lab's calendars: Google's and Microsoft's OAuth."""

from __future__ import annotations

from deployments import accounts, private_file
from deployments.lab import calendar
from deployments.lab.piece import Piece, Place, Values

PORT = "calendar"


def _prepare(place: Place) -> None:
    place.afresh(calendar.TROUBLE, f"{calendar.SECRET}.before", f"{calendar.REDIRECT}.before")
    clients = {
        vendor: {
            "client_id": f"lab-{vendor}",
            "secrets": [accounts.new_password(), accounts.new_password()],
            "redirects": [calendar.REGISTERED.format(vendor=vendor)],
        }
        for vendor in (calendar.GOOGLE, calendar.MICROSOFT)
    }
    private_file.write_json(place.folder / calendar.CLIENTS, clients)
    private_file.write(place.folder / calendar.SECRET, f"{clients[calendar.GOOGLE]['secrets'][0]}\n")
    private_file.write(place.folder / calendar.REDIRECT, f"{calendar.REGISTERED.format(vendor=calendar.GOOGLE)}\n")


def _values(place: Place) -> Values:
    told = private_file.read_json(place.folder / calendar.CLIENTS)
    google, microsoft = (told[vendor] for vendor in (calendar.GOOGLE, calendar.MICROSOFT))
    url = f"http://127.0.0.1:{place.ports[PORT]}"
    return {
        "google_url": f"{url}/{calendar.GOOGLE}",
        "google_client": google["client_id"],
        "google_secret_file": str(place.folder / calendar.SECRET),
        "google_spare_secret": google["secrets"][1],
        "google_redirect": google["redirects"][0],
        "google_redirect_file": str(place.folder / calendar.REDIRECT),
        "microsoft_url": f"{url}/{calendar.MICROSOFT}",
        "microsoft_client": microsoft["client_id"],
        "microsoft_secret": microsoft["secrets"][0],
        "microsoft_redirect": microsoft["redirects"][0],
        "tenant": calendar.TENANT,
        "trouble": str(place.folder / calendar.TROUBLE),
    }


PIECE = Piece(script=calendar.__file__, ports=(PORT,), prepare=_prepare, values=_values)
