"""The door to Better Stack's incidents. https://betterstack.com/docs/uptime/api/incidents/"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.system import http_url

ADDRESS = "https://uptime.betterstack.com"
# It was acknowledged or resolved before, by whomever.
BEFORE = 409


class BetterStackApi(AlertingApi):
    """Better Stack's Uptime API; `token` is the team's Uptime token. By whom is the only text that it takes."""

    url: Annotated[str, AfterValidator(http_url(f"the API's address, like {ADDRESS}"))] = ADDRESS
    token: SecretStr

    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        self._say(theirs, "acknowledge", {"acknowledged_by": said.text})

    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        if said.well:
            self._say(theirs, "resolve", {"resolved_by": said.text})

    def _say(self, theirs: Mapping[str, str], verb: str, by: dict[str, Json]) -> None:
        incident = quote(theirs["incident"], safe="")
        self._door.send("POST", f"/api/v3/incidents/{incident}/{verb}", json=by, taken=(BEFORE,))

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=_words, name="Better Stack")


def _words(status: int, _body: Json) -> CannotLook | None:
    if status == 401:
        return Refused("Better Stack does not know this token.", remedy="Take the team's Uptime token: API tokens.")
    return None
