"""The door to MillionVerifier, which tells whether an address takes mail. No address is ever verified here: each costs.

Its answers: a probe of pipeworx-io's mcp-millionverifier (2026-10). Where the credits are asked for: from memory.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr

from tasks.model import CannotLook, Json
from tasks.paid_api.api import PaidApi
from tasks.paid_api.told import Knock, Standing, of_status
from tasks.web.exchange import Key, in_query
from tasks.web.reading import not_as_documented, number, table, words
from tasks.web.system import http_url

PATH = "/api/v3/credits"
# What it says with a 200. Whoever looks at the status alone believes that all is well.
ERRORS = {
    "apikey not found": Standing.REFUSED,
    "ip address blocked": Standing.REFUSED,
    "insufficient credits": Standing.NO_CREDIT,
}


class MillionVerifier(PaidApi):
    """MillionVerifier's API, as the application uses it."""

    kind: ClassVar[str] = "million_verifier"
    config_lines: ClassVar[str] = 'key = "${MILLION_VERIFIER_KEY}"'
    said: ClassVar[str] = "MillionVerifier"
    about_keys: ClassVar[str] = (
        "Look in MillionVerifier's account under API: was the key replaced, or is this machine's address not let in?"
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.millionverifier.com"))] = (
        "https://api.millionverifier.com"
    )

    def tried(self, key: SecretStr) -> Knock:
        return self.asked(key, PATH)

    def credits(self) -> float:
        """How many addresses can still be verified.

        Raises:
            CannotLook: it refuses, or does not answer. Refused: it tells none.
        """
        knock = self.knock()
        if knock.standing is not Standing.TAKEN:
            raise CannotLook(f"{knock.said(self.said)}: how much credit is left is not known.")
        left = number(table(knock.body).get("credits"))
        if left is None:
            raise not_as_documented(self.said, "it tells no credits")
        return left

    def signed(self, key: SecretStr) -> Key:
        return in_query("api", key)

    def standing(self, status: int, body: Json) -> Standing:
        said = words(table(body).get("error")).strip().lower()
        if 200 <= status < 300 and said:
            return ERRORS.get(said, Standing.OBJECTS)
        return of_status(status)

    def words(self, body: Json) -> str:
        return words(table(body).get("error"))
