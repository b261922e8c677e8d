"""The door to x.ai's API, which Grok answers.

What it tells of a key: xai-org/xai-proto@9700be4b, auth.proto (Apache-2.0), and the crate x-ai 0.1.0, src/api_key.rs,
which has `api_key_disabled` where the proto has `disabled`: both are read. That a wrong key is a 400: from experience.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from tasks.model import Json
from tasks.paid_api.api import PaidApi
from tasks.paid_api.told import Knock, Standing, of_status
from tasks.web.reading import table, words
from tasks.web.system import http_url

PATH = "/v1/api-key"
# What it says of a key that it knows, and what that means for whoever uses it.
STOPPED = {
    "team_blocked": "the whole team is blocked, as it is without credit",
    "api_key_blocked": "this key is blocked",
    "api_key_disabled": "this key is switched off",
    "disabled": "this key is switched off",
}
WRONG_KEY = "incorrect api key"


class Grok(PaidApi):
    """x.ai's API, as the application uses it."""

    kind: ClassVar[str] = "grok"
    config_lines: ClassVar[str] = 'key = "${XAI_KEY}"'
    said: ClassVar[str] = "x.ai"
    about_keys: ClassVar[str] = (
        "Look in x.ai's console under API keys, and under Billing: without credit a team is blocked."
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.x.ai"))] = "https://api.x.ai"
    status_url: str = "https://status.x.ai"

    def tried(self, key: SecretStr) -> Knock:
        return self.asked(key, PATH)

    def standing(self, status: int, body: Json) -> Standing:
        if status == 400 and WRONG_KEY in words(table(body).get("error")).lower():
            return Standing.REFUSED
        if 200 <= status < 300 and stopped(body):
            return Standing.NO_CREDIT if table(body).get("team_blocked") is True else Standing.REFUSED
        return of_status(status)

    def words(self, body: Json) -> str:
        return words(table(body).get("error")) or "; ".join(stopped(body))


def stopped(body: Json) -> tuple[str, ...]:
    """Why a key that is known does nothing; empty where nothing stands against it."""
    told = table(body)
    return tuple(dict.fromkeys(means for field, means in STOPPED.items() if told.get(field) is True))
