"""The lab's own monitoring, and where its alerts are taken while a stack is up."""

from __future__ import annotations

from deployments import private_file
from deployments.intake.alertmanager import Alertmanager
from deployments.lab import alerter, alerts
from deployments.lab.piece import Piece, Place, Values


def _prepare(place: Place) -> None:
    place.afresh(f"{alerter.SECRET}.before")
    state = private_file.read_json(place.home.lab.state)
    alerts.prepare(place.folder, state["alerts_port"], state["alerts"])


def _values(place: Place) -> Values:
    state = private_file.read_json(place.home.lab.state)
    return {
        "url": alerts.url(state["alerts_port"]),
        "status_secret": state["alerts"][alerts.STATUS],
        "secret_file": str(place.folder / alerter.SECRET),
        "secret": state["alerts"][Alertmanager.type],
    }


PIECE = Piece(script=alerter.__file__, prepare=_prepare, values=_values)
