"""The door to a team's own application as it is seen from outside: named addresses, and what each should answer."""

from __future__ import annotations

import re
import ssl
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from tasks.dns.system import server
from tasks.json_path import Expression
from tasks.model import CannotLook, Finding, Json, Refused, Threshold, Verdict
from tasks.system import System
from tasks.web.door import Door
from tasks.web.exchange import Answer, Limits, Place, Request, Tls
from tasks.web.system import http_url
from tasks.web.visit import trust

# A page that says whether all is well has kilobytes; what is longer is cut off as endless.
MOST_BYTES = 2_000_000
# What any browser sends. A connection of its own each time: kept open, the second request would hide what a visitor
# waits for first.
HEADERS = (("Accept", "*/*"), ("Connection", "close"))
ANY_STATUS = range(100, 600)
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

Address = Annotated[str, AfterValidator(http_url("an address like https://www.example.com/health"))]
Statuses = Annotated[tuple[int, ...], BeforeValidator(lambda told: (told,) if isinstance(told, int) else told)]


def _silent(_status: int, _body: Json) -> CannotLook | None:
    """Whatever a website answers is an answer."""
    return None


def _headers(given: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    for name, secret in given.items():
        value = secret.get_secret_value()
        if not TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        if not (value.isascii() and value.isprintable() and value == value.strip()):
            raise ValueError(f"{name} holds what no header can; a secret from a file often has a line break at its end")
    return given


def _server(text: str) -> str:
    server(text)
    return text


class Endpoint(BaseModel):
    """One address, and what it should answer.

    `json_path` (JMESPath) names a place in the body, where `value` should lie, or, without one, anything but nothing,
    false and null. With `redirects_to` the way there is followed, and what is expected is expected there. `headers` go
    with requests to this address's own host and to no other; their values are secrets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str = Field(min_length=1)
    url: Address
    method: Literal["GET", "HEAD"] = "GET"
    status: Statuses = (200,)
    text: str | None = Field(default=None, min_length=1)
    json_path: Expression | None = None
    value: bool | int | float | str | None = None
    redirects_to: Address | None = None
    headers: Annotated[Mapping[str, SecretStr], AfterValidator(_headers)] = Field(default_factory=dict)
    # Where this address differs from the others: seconds an answer may take, seconds its certificate must have left.
    pace: Threshold | None = None
    certificate_left: Threshold | None = None

    @model_validator(mode="after")
    def _possible(self) -> Endpoint:
        if self.method == "HEAD" and (self.text or self.json_path):
            raise ValueError("an answer to HEAD has no body: leave `text` and `json_path` out, or ask with GET")
        if self.value is not None and self.json_path is None:
            raise ValueError("`value` without `json_path`: say where it should lie")
        if not self.status:
            raise ValueError("`status` names none")
        return self

    @property
    def host(self) -> str:
        return host_of(self.url)

    def hidden_in(self, text: str) -> str:
        """`text` without the secrets of this address, which a server may repeat."""
        for secret in self.headers.values():
            text = text.replace(secret.get_secret_value(), "•••") if secret.get_secret_value() else text
        return text


class Website(System):
    """The addresses of an application, asked as its visitors do: from outside, each time anew."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "website"
    config_lines: ClassVar[str] = (
        "endpoints = [\n"
        '    { name = "home", url = "https://www.example.com/", text = "Sign in" },\n'
        '    { name = "health", url = "https://www.example.com/health", json_path = "status", value = "ok" },\n'
        "]"
    )

    endpoints: tuple[Endpoint, ...] = Field(min_length=1, max_length=50)
    # Where certificates are of a private authority: the only ones that are believed then.
    ca_file: Path | None = None
    # Name servers to ask, as ADDRESS or ADDRESS:PORT; without any, the machine's own.
    resolvers: tuple[Annotated[str, AfterValidator(_server)], ...] = ()
    # How often each address is asked when its pace is measured.
    samples: int = Field(default=5, ge=1, le=50)
    # Read by a website that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None
    # For one request. Above what counts as slow, so that slow can be told from silent.
    limit_s: float = Field(default=6, gt=0, le=8)

    @model_validator(mode="after")
    def _names_differ(self) -> Website:
        name, often = Counter(endpoint.name for endpoint in self.endpoints).most_common(1)[0]
        if often > 1:
            raise ValueError(f"two endpoints are called {name!r}")
        return self

    def ask(self, endpoint: Endpoint, until: float, *, url: str | None = None) -> Answer:
        """One request to `endpoint`, or to where it has sent us on; not followed any further.

        Raises:
            CannotLook, Refused: no answer came by `until`, of time.monotonic(), or within the limit of a request.
        """
        url = url or endpoint.url
        limits = Limits(total_s=self.limit_s, attempts=1, redirects=0, most_bytes=MOST_BYTES)
        place = Place(base=origin(url), headers=HEADERS, limits=limits, tls=Tls(ca_file=self.ca_file))
        own = origin(url) == origin(endpoint.url)
        headers = {name: value.get_secret_value() for name, value in endpoint.headers.items()} if own else {}
        request = Request(method=endpoint.method, url=url, headers=headers, taken=ANY_STATUS, fresh=True)
        door = Door(place=place, words=_silent)
        return door.answer(request, min(until, door.until()))

    def trusted(self) -> ssl.SSLContext:
        """Whom we believe about who a server is.

        Raises:
            Refused: `ca_file` cannot be used.
        """
        return trust(Tls(ca_file=self.ca_file), "the website")

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            self.trusted()
        except Refused as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        until = time.monotonic() + self.limit_s
        for endpoint in self.endpoints:
            try:
                status = self.ask(endpoint, until).status
            except CannotLook as error:
                yield Finding.unknown(f"{endpoint.name}: {endpoint.hidden_in(error.says)}", remedy=error.remedy)
                continue
            yield Finding(verdict=Verdict.OK, says=f"{endpoint.name}: {shown(endpoint.url)} answers {status}.")


def origin(url: str) -> str:
    """Scheme, host and port: what a secret is for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def shown(url: str) -> str:
    """An address as sentences may hold it: what stands in its query may be a secret."""
    return urlsplit(url)._replace(query="", fragment="").geturl()
