"""The door to Slack's Web API: only whether it takes our token. https://docs.slack.dev/reference/methods/auth.test

It says no with a 200. What may be done with a token stands in a header of each answer. An incoming webhook has its
secret in its path, and cannot be asked without something being posted: of that only a message that arrives tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr, model_validator

from tasks import secret_file
from tasks.alerting import answers
from tasks.model import CannotLook, Finding, Json, Refused
from tasks.spare_key import Tried
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.system import HostedApi, http_url

ADDRESS = "https://slack.com"
TEST = "/api/auth.test"
# What a message takes.
NEEDED = "chat:write"


class SlackApi(HostedApi):
    """A Slack workspace, by a bot's token (`xoxb-…`): `key`, as routes of the form slack:// have it, too.

    Or in `key_file`, which whatever posts for us reads, too; then `spare_key` may be put there, once approved.
    """

    kind: ClassVar[str] = "slack"
    config_lines: ClassVar[str] = 'key = "${SLACK_BOT_TOKEN}"        # as in routes, with the scope chat:write'
    said: ClassVar[str] = "Slack"

    url: Annotated[str, AfterValidator(http_url(f"the API's address, like {ADDRESS}"))] = ADDRESS
    key: SecretStr | None = None
    key_file: Path | None = None
    spare_key: SecretStr | None = None

    @model_validator(mode="after")
    def _one_key(self) -> SlackApi:
        if (self.key is None) == (self.key_file is None):
            raise ValueError("give `key`, or `key_file`: one of the two")
        return self

    def key_now(self) -> SecretStr:
        """The token in use.

        Raises:
            Refused: its file cannot be read, or holds none.
        """
        if self.key_file is not None:
            return secret_file.read(self.key_file, "key")
        assert self.key is not None  # noqa: S101 - one of the two is there
        return self.key

    def try_key(self, key: SecretStr) -> Tried:
        """Does Slack take this token? It says no with a 200.

        Raises:
            CannotLook: nothing came back.
        """
        try:
            said, refused = self.known_as(key), False
        except Refused as error:
            said, refused = error.says, True
        return Tried(line=f"POST {TEST}", status=200, says=said, taken=not refused, refused=refused)

    def known_as(self, key: SecretStr | None = None) -> str:
        """Whom Slack takes us for, by the token in use or by another one.

        Raises:
            CannotLook: no answer. Refused: it does not take the token, or not for messages.
        """
        answer = self._door(key or self.key_now()).send("POST", TEST, reads=True)
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

    def _door(self, key: SecretStr) -> Door:
        return Door(place=self.place(bearer(key)), words=_words, name=self.said)


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
