"""The door to PagerDuty's events. https://developer.pagerduty.com/docs/send-alert-event

It has no header for its secret: the routing key stands in the body, which is neither logged nor repeated in sentences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from tasks.alerting import AlertingApi, Said
from tasks.model import CannotLook, Json, Refused
from tasks.web.door import Door
from tasks.web.system import http_url

# No alert of anybody's is called so.
NEVER_BEGAN = "incident-pipelines/asks-whether-its-key-is-taken"
ADDRESS = "https://events.pagerduty.com"


class PagerDutyApi(AlertingApi):
    """PagerDuty's Events API v2; `routing_key` is the integration key of the service that the alert came through."""

    kind: ClassVar[str] = "pagerduty"
    config_lines: ClassVar[str] = (
        'routing_key = "${PAGERDUTY_KEY}"        # the integration key of an Events API v2 integration'
    )

    url: Annotated[str, AfterValidator(http_url(f"the API's address, like {ADDRESS}"))] = ADDRESS
    routing_key: SecretStr

    def known_as(self) -> str:
        # It has nothing that could be read. That what never began is over is taken, and changes nothing.
        event: dict[str, Json] = {
            "routing_key": self.routing_key.get_secret_value(),
            "event_action": "resolve",
            "dedup_key": NEVER_BEGAN,
        }
        self._door.send("POST", "/v2/enqueue", json=event, reads=True)
        return "PagerDuty takes events by our integration key."

    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        self._say(theirs, "acknowledge", said)

    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        if said.well:
            self._say(theirs, "resolve", said)

    def _say(self, theirs: Mapping[str, str], action: str, said: Said) -> None:
        event: dict[str, Json] = {
            "routing_key": self.routing_key.get_secret_value(),
            "event_action": action,
            "dedup_key": theirs["dedup_key"],
            "links": [{"href": said.link, "text": said.sentence}],
        }
        self._door.send("POST", "/v2/enqueue", json=event)

    @property
    def _door(self) -> Door:
        return Door(place=self.place(), words=_words, name="PagerDuty")


def _words(status: int, _body: Json) -> CannotLook | None:
    # What it answers may quote the event, and the key with it.
    if status == 400:
        return Refused(
            "PagerDuty takes no such event.", remedy="Take the integration key of an Events API v2 integration."
        )
    return None
