"""Ways to break our way to Slack in a drill: a wrong token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import secret_file
from tasks.fault import Fault
from tasks.model import Refused
from tasks.slack.system import SlackApi


@dataclass(frozen=True, kw_only=True)
class Held:
    """The file of the token, and what it held before."""

    file: Path
    token: SecretStr


class WrongSlackToken(Fault):
    """Put a wrong token for Slack where it is read from."""

    def cause(self, slack: SlackApi) -> Held:
        if slack.key_file is None:
            raise Refused("The token for Slack is in no file.", remedy='key_file = "/run/secrets/slack-token"')
        held = Held(file=slack.key_file, token=slack.key_now())
        secret_file.put(held.file, SecretStr(f"xoxb-{secrets.token_hex(24)}"), "key")
        return held

    def cure(self, trouble: Held) -> None:
        if secret_file.read(trouble.file, "key").get_secret_value() != trouble.token.get_secret_value():
            secret_file.put(trouble.file, trouble.token, "key")
