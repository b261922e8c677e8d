"""The door to Better Stack's incidents. https://betterstack.com/docs/uptime/api/incidents/"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.pages import by_url, pages
from tasks.web.system import http_url

ADDRESS = "https://uptime.betterstack.com"


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """What is expected to beat; `status` as Better Stack says it: up, down, paused, pending (never yet)."""

    name: str
    status: str


# It was acknowledged or resolved before, by whomever.
BEFORE = 409


class BetterStackApi(AlertingApi):
    """Better Stack's Uptime API; `token` is the team's Uptime token. By whom is the only text that it takes."""

    kind: ClassVar[str] = "betterstack"
    config_lines: ClassVar[str] = 'token = "${BETTERSTACK_TOKEN}"        # the Uptime token of the team'

    url: Annotated[str, AfterValidator(http_url(f"the API's address, like {ADDRESS}"))] = ADDRESS
    token: SecretStr

    def known_as(self) -> str:
        self._door.get("/api/v3/incidents", params={"per_page": 1})
        return "Better Stack shows us the team's incidents."

    def heartbeats(self) -> list[Heartbeat]:
        """Every heartbeat of the team.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        found: list[Heartbeat] = []
        for page in pages(self._door, "/api/v2/heartbeats", by_url("pagination", "next")):
            told = page.body.get("data") if isinstance(page.body, Mapping) else None
            for one in told if isinstance(told, list) else ():
                said = one.get("attributes") if isinstance(one, Mapping) else None
                if isinstance(said, Mapping):
                    found.append(Heartbeat(name=str(said.get("name")), status=str(said.get("status"))))
        return found

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
