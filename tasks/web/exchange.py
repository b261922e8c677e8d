"""What goes through the web door: where to and with which secret and limits, the request, and the answer."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr

from tasks.model import Json

Params = Mapping[str, str | int | float | Sequence[str]]

# Asked twice, they do what they do once (RFC 9110, 9.2.2). A DELETE asked again may find the thing gone: 404.
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class Key:
    """A secret and the header it goes in; it is sent nowhere else. `secret` is what sentences must not hold.

    Where the vendor wants it in the query, `parameter` is its name there, and `header` is empty.
    """

    header: str
    value: SecretStr
    secret: SecretStr
    parameter: str = ""

    @property
    def is_sendable(self) -> bool:
        """May a header hold it? A secret read from a file often ends in a newline."""
        value = self.value.get_secret_value()
        return value.isascii() and value.isprintable() and value == value.strip()

    def hidden_in(self, text: str) -> str:
        """`text` without the secret. Servers repeat what they were sent ("Incorrect API key provided: …")."""
        for secret in (self.value.get_secret_value(), self.secret.get_secret_value()):
            for written in (secret, quote(secret, safe=""), quote_plus(secret)) if secret else ():
                text = text.replace(written, "•••")
        return text


def bearer(token: SecretStr) -> Key:
    """`Authorization: Bearer …`"""
    return Key(header="Authorization", value=SecretStr(f"Bearer {token.get_secret_value()}"), secret=token)


def basic(user: str, password: SecretStr) -> Key:
    """`Authorization: Basic …`"""
    pair = base64.b64encode(f"{user}:{password.get_secret_value()}".encode()).decode()
    return Key(header="Authorization", value=SecretStr(f"Basic {pair}"), secret=password)


def named(header: str, secret: SecretStr) -> Key:
    """The vendor's own header, like `X-N8N-API-KEY`."""
    return Key(header=header, value=secret, secret=secret)


def in_query(parameter: str, secret: SecretStr) -> Key:
    """Where a vendor knows no header for it (MillionVerifier): no URL that is kept, shown or logged holds it."""
    return Key(header="", value=secret, secret=secret, parameter=parameter)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Seconds, bytes, and counts. `total_s` holds for all attempts, redirects and pages together; the others within it.

    Not in it: the resolver, which Python cannot interrupt, and a host's second address; `Check.limit` covers them.
    """

    # Half of what a question has (`Check.limit`), so that its second request has its turn, too.
    total_s: float = 10
    # Linux sends what got lost at the start again after one and after three seconds.
    connect_s: float = 5
    # As long as the total lasts. Less where a second attempt is worth more than patience.
    read_s: float = math.inf
    write_s: float = 5
    pool_s: float = 5
    # A hundred of Sentry's issues, its longest page, have some 500 kB.
    most_bytes: int = 4_000_000
    # The question as a whole is asked again by Prefect (`Check.retries`): more attempts here would multiply.
    attempts: int = 3
    redirects: int = 5
    pages: int = 20


class Tls(BaseModel):
    """How a server proves who it is, and we to it, where the machine's own trust store does not do.

    `ca_file` holds the only authorities that are believed then; `certificate` and `key` are ours, PEM, not encrypted.
    `verify = false` hands the secret to whoever answers: for the lab.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    verify: bool = True


# When requests are wanted again: Resend, SendGrid, Mailgun, Vercel. Sentry has a name of its own.
RESETS = ("ratelimit-reset", "x-ratelimit-reset")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an API is and how it is reached. Within a question, those who ask the same place share its connection.

    `base` is its URL without a trailing slash; `headers` go with every request, `key` to this host only. `resets` are
    the headers, in lower case, that tell when requests are wanted again.
    """

    base: str
    key: Key | None = None
    headers: tuple[tuple[str, str], ...] = ()
    limits: Limits = Limits()
    tls: Tls = field(default_factory=Tls)
    resets: tuple[str, ...] = RESETS

    @property
    def name(self) -> str:
        """The host, for sentences."""
        return str(urlsplit(self.base).hostname)

    def hidden_in(self, text: str) -> str:
        """`text` without the secret."""
        return self.key.hidden_in(text) if self.key else text


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request. `reads`: it changes nothing, whatever its method; some searches are a POST.

    Of `json`, `form` and `content`, which is sent as it is, one at most is given.
    """

    url: str
    method: str = "GET"
    params: Params = field(default_factory=dict)
    json: Json = None
    form: Params | None = None
    content: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    reads: bool = False
    # Statuses that are an answer here and no refusal: 404 where the question is whether something is there.
    taken: Collection[int] = ()
    # The vendor knows it by its idempotency key when it comes a second time.
    known: bool = False
    # Not what was answered before within the question: where the asking itself is measured.
    fresh: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Would a second one change nothing that the first did not?"""
        return self.method in REPEATABLE or self.reads or self.known


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back. Names of headers are in lower case; `links` are those of the Link header, by their `rel`.

    `asks_to_wait_s`: for how long no further request is wanted, in seconds, where the server says so. `took_s`: seconds
    from our first byte, or the connection that had to be made for it, to the last that came.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    links: Mapping[str, Mapping[str, str]]
    content: bytes = field(repr=False)
    asks_to_wait_s: float | None = None
    took_s: float = 0.0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @cached_property
    def body(self) -> Json:
        """The JSON that was sent; what is none is its text."""
        try:
            parsed: Json = json.loads(self.content)
        # RecursionError: a hundred thousand opening brackets.
        except (ValueError, RecursionError):
            return self.text
        return parsed
