"""The door to Alertmanager's silences, API v2. https://prometheus.io/docs/alerting/latest/alertmanager/

What is silenced is told to no receiver at all, and its end neither. So a silence is for exactly one alert, goes
with its incident, and ends by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import Key, basic, bearer
from tasks.web.system import http_url

SILENCES = "/api/v2/silences"
BY = "Incident Pipelines"


class AlertmanagerApi(AlertingApi):
    """An Alertmanager. `token` is for a proxy before it, which may want a `user` as well; by itself it asks for none.

    `silence_s` is how long it tells nobody at most; if the incident takes longer, people hear of it again.
    """

    kind: ClassVar[str] = "alertmanager"
    config_lines: ClassVar[str] = 'url = "http://127.0.0.1:9093"        # `token`, if a proxy before it wants one'
    hears_of_any_end: ClassVar[bool] = True

    url: Annotated[str, AfterValidator(http_url("Alertmanager's address, like http://127.0.0.1:9093"))]
    token: SecretStr | None = None
    user: str = ""
    silence_s: float = Field(default=3600, gt=0, le=86_400)

    def known_as(self) -> str:
        body = self._door.get("/api/v2/status").body
        version = body.get("versionInfo") if isinstance(body, Mapping) else None
        if not isinstance(version, Mapping):
            raise Refused(f"Whoever answers at {self.url} is no Alertmanager.", remedy="Correct `url`.")
        return f"Alertmanager {version.get('version')} answers."

    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        if any(self._ours(theirs, said.link)):
            return
        now = datetime.now(UTC)
        matchers: list[Json] = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True} for name, value in sorted(theirs.items())
        ]
        silence: dict[str, Json] = {
            "matchers": matchers,
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(seconds=self.silence_s)).isoformat(),
            "createdBy": BY,
            "comment": said.text,
        }
        self._door.send("POST", SILENCES, json=silence)

    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        # However it ended: of the next one, or of this one still, people have to hear.
        for silence in list(self._ours(theirs, said.link)):
            self._door.send("DELETE", f"/api/v2/silence/{silence}", taken=(404,))

    def _ours(self, theirs: Mapping[str, str], link: str) -> Iterator[str]:
        """Silences of this alert that this incident made, and that are not over."""
        wanted = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(theirs.items())]
        found: Any = self._door.get(SILENCES, params={"filter": wanted, "expired": "false"}).body
        for one in found:
            of_this = {matcher["name"]: matcher["value"] for matcher in one["matchers"]} == dict(theirs)
            # Debian's 0.25 knows no `expired`, and tells of all.
            if one["createdBy"] == BY and link in one["comment"] and of_this and one["status"]["state"] != "expired":
                yield str(one["id"])

    @property
    def _door(self) -> Door:
        return Door(place=self.place(self._key), words=_words, name="Alertmanager", unreachable="Look whether it runs.")

    @property
    def _key(self) -> Key | None:
        if self.token is None:
            return None
        return basic(self.user, self.token) if self.user else bearer(self.token)


def _words(status: int, _body: Json) -> CannotLook | None:
    if status in (401, 403):
        return Refused(
            f"What stands before Alertmanager refuses us ({status}).",
            remedy="Correct `token`, and `user`, if the proxy wants one.",
        )
    return None
