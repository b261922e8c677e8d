"""The door to Anthropic's API, which Claude answers.

Paths, headers, types of error and statuses: anthropics/anthropic-sdk-python@009b0353 (MIT, v0.121.0), its types and
`_exceptions.py`; the codes in an error's details, and a model's lifecycle: the same at 2.14.0. The names of the rate
limit headers and the words for an empty account: Anthropic's documents. Keys go in x-api-key, which those still name;
the library has sent them as a bearer's since 2.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from tasks.kept import asked_once
from tasks.model import CannotLook, Json
from tasks.paid_api.api import PaidApi
from tasks.paid_api.judged import Allowance
from tasks.paid_api.told import Knock, Standing, of_status
from tasks.web.exchange import Key, Place, named
from tasks.web.reading import moment, number, table, text, words
from tasks.web.system import http_url

VERSION = "2023-06-01"
# What the error says it is counts more than the status: in the middle of a stream it comes with a 200.
TYPES = {
    "authentication_error": Standing.REFUSED,
    "permission_error": Standing.REFUSED,
    "billing_error": Standing.NO_CREDIT,
    "rate_limit_error": Standing.HELD_BACK,
    "overloaded_error": Standing.OVERLOADED,
    "api_error": Standing.IN_TROUBLE,
    "timeout_error": Standing.IN_TROUBLE,
}
# By the code in the details, which says more than the type: each of these may come as a 400, 402, 403 or 429.
CODES = {
    "enforced_spend_limit_reached": Standing.NO_CREDIT,
    "contract_spend_limit_reached": Standing.NO_CREDIT,
    "linked_organization_spend_limit_reached": Standing.NO_CREDIT,
    "linked_organization_billing_unavailable": Standing.NO_CREDIT,
    "ramp_limit_exceeded": Standing.HELD_BACK,
    "organization_on_hold": Standing.REFUSED,
}
# An empty account is no error of its own: invalid_request_error, 400.
NO_CREDIT = "credit balance is too low"
LIMITS = {
    "requests": "requests",
    "input-tokens": "input tokens",
    "output-tokens": "output tokens",
    "tokens": "tokens",
}
# The shortest question there is.
ASKED: Json = [{"role": "user", "content": "."}]


class Sends(BaseModel):
    """What the application sends at most, and how long it waits. `streams`: it takes the answer piece by piece."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(gt=0, le=10_000_000)
    input_tokens: int | None = Field(default=None, gt=0, le=100_000_000)
    body_bytes: int | None = Field(default=None, gt=0)
    timeout_s: float | None = Field(default=None, gt=0)
    streams: bool = False


@dataclass(frozen=True, kw_only=True)
class Model:
    """What a model takes: tokens in, and tokens out; None where Anthropic does not tell.

    `lifecycle` is active, deprecated or retired; empty where that is not told. A retired one is still listed.
    """

    id: str
    most_in: int | None
    most_out: int | None
    lifecycle: str = ""
    retires: str = ""


class Claude(PaidApi):
    """Anthropic's API, as the application uses it: its key, its model, the largest of its requests.

    Without `paid_probe` only what costs nothing is asked: tokens are counted, and nothing of Claude itself is seen.
    With it one token is asked for, a thousandth of a cent or so: that alone tells credit, overload, what is left of the
    rate limits and how long an answer takes.
    """

    kind: ClassVar[str] = "claude"
    config_lines: ClassVar[str] = (
        'key = "${ANTHROPIC_KEY}"\n'
        'model = "…"                             # as the application names it\n'
        "sends = { max_tokens = 4096, timeout_s = 60 }   # the largest request of the application"
    )
    said: ClassVar[str] = "Anthropic"
    about_keys: ClassVar[str] = (
        "Look in Anthropic's console under API keys: revoked, of another workspace, or without the right to this model?"
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.anthropic.com"))] = (
        "https://api.anthropic.com"
    )
    status_url: str = "https://status.claude.com"
    model: str = Field(max_length=128, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")
    paid_probe: bool = False
    sends: Sends | None = None

    def tried(self, key: SecretStr) -> Knock:
        return self.asked(key, "/v1/models", params={"limit": 1})

    def work(self) -> Knock:
        """A request as the application makes it, as small as can be; within a round of questions only once.

        Raises:
            Refused: the key cannot be read from its file, or the place itself is wrong.
        """
        return asked_once((self, "work"), self._work)

    def model_now(self) -> Model | None:
        """What the model takes; None where Anthropic has no such model (any more).

        Raises:
            CannotLook, Refused: it does not tell.
        """
        knock = self.asked(self.key_now(), f"/v1/models/{quote(self.model, safe='')}")
        if knock.status == 404 and _error(knock.body).get("type") == "not_found_error":
            return None
        if knock.standing is not Standing.TAKEN:
            raise CannotLook(f"{knock.said(self.said)}: what the model takes is not known.")
        body = table(knock.body)
        most_in, most_out = number(body.get("max_input_tokens")), number(body.get("max_tokens"))
        return Model(
            id=self.shown(body.get("id"), 128) or self.model,
            most_in=int(most_in) if most_in else None,
            most_out=int(most_out) if most_out else None,
            lifecycle=self.shown(body.get("lifecycle"), 32),
            retires=retires.date().isoformat() if (retires := moment(words(body.get("retires_at")))) else "",
        )

    def signed(self, key: SecretStr) -> Key:
        return named("x-api-key", key)

    def at(self, key: SecretStr) -> Place:
        return replace(super().at(key), headers=(("anthropic-version", VERSION),))

    def standing(self, status: int, body: Json) -> Standing:
        error = _error(body)
        code = text(table(error.get("details")).get("error_code"))
        if code in CODES:
            return CODES[code]
        if NO_CREDIT in text(error.get("message")).lower():
            return Standing.NO_CREDIT
        return TYPES.get(text(error.get("type")), of_status(status))

    def words(self, body: Json) -> str:
        return words(_error(body).get("message"))

    def _work(self) -> Knock:
        asked: Json = {"model": self.model, "messages": ASKED}
        if self.paid_probe:
            return self.asked(self.key_now(), "/v1/messages", json={**table(asked), "max_tokens": 1})
        return self.asked(self.key_now(), "/v1/messages/count_tokens", json=asked)


def allowances(headers: Mapping[str, str]) -> tuple[Allowance, ...]:
    """What is left of each rate limit, as the headers of an answer tell it; empty where they do not."""
    return tuple(_allowances(headers))


def _allowances(headers: Mapping[str, str]) -> Iterator[Allowance]:
    now = _date(headers.get("date", ""))
    for name, what in LIMITS.items():
        told = {field: headers.get(f"anthropic-ratelimit-{name}-{field}", "")[:64] for field in _FIELDS}
        try:
            most, left = float(told["limit"]), float(told["remaining"])
        except ValueError:
            continue
        if not 0 <= left <= most < 2**53:
            continue
        reset = moment(told["reset"])
        yield Allowance(
            what=what,
            limit=most,
            left=left,
            resets_in_s=max(0.0, (reset - now).total_seconds()) if reset is not None else None,
        )


_FIELDS = ("limit", "remaining", "reset")


def _date(header: str) -> datetime:
    """The server's own clock, where it sends that: ours may be wrong."""
    try:
        told = parsedate_to_datetime(header[:64])
    except (ValueError, OverflowError):
        return datetime.now(UTC)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)


def _error(body: Json) -> Mapping[str, Json]:
    """The error in an answer; empty where there is none."""
    return table(table(body).get("error"))
