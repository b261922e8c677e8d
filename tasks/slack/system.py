"""The door to Slack's Web API: only whether it takes our token. https://docs.slack.dev/reference/methods/auth.test

It says no with a 200. What may be done with a token stands in a header of each answer. An incoming webhook has its
secret in its path, and cannot be asked without something being posted: of that only a message that arrives tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from tasks.alerting import answers
from tasks.model import CannotLook, Finding, Json, Refused
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.system import HostedApi, http_url

ADDRESS = "https://slack.com"
# What a message takes.
NEEDED = "chat:write"


class SlackApi(HostedApi):
    """A Slack workspace, by a bot's token (`xoxb-…`), as routes of the form slack:// have it, too."""

    kind: ClassVar[str] = "slack"
    config_lines: ClassVar[str] = 'token = "${SLACK_BOT_TOKEN}"        # as in routes, with the scope chat:write'

    url: Annotated[str, AfterValidator(http_url(f"the API's address, like {ADDRESS}"))] = ADDRESS
    token: SecretStr

    def known_as(self) -> str:
        """Whom Slack takes us for.

        Raises:
            CannotLook: no answer. Refused: it does not take the token, or not for messages.
        """
        answer = self._door.send("POST", "/api/auth.test", reads=True)
        body = answer.body if isinstance(answer.body, Mapping) else {}
        scopes = answer.headers.get("x-oauth-scopes")
        if scopes is not None and NEEDED not in [scope.strip() for scope in scopes.split(",")]:
            raise Refused(
                f"Slack takes our token, and not for messages: it has no {NEEDED}.",
                remedy=f"Add the scope {NEEDED} under OAuth & Permissions, and install the app anew.",
            )
        return f"Slack takes our token as {body.get('user')} of {body.get('team')}."

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        yield answers(self.known_as)

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=_words, name="Slack")


def _words(status: int, body: Json) -> CannotLook | None:
    if status != 200:
        return None
    if not isinstance(body, Mapping) or "ok" not in body:
        return Refused("Whoever answers is not Slack.", remedy=f"Leave `url` out: it is {ADDRESS}.")
    error = body.get("error")
    if body["ok"] is True:
        return None
    if error == "ratelimited":
        return CannotLook("Slack wants to be asked less often.")
    return Refused(
        f"Slack refuses our token: “{error}”.",
        remedy="Take the Bot User OAuth Token, under OAuth & Permissions of the app; it begins with xoxb-.",
    )
