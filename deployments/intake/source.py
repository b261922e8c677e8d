"""A source: who may send, how that is proved, and what its alerts mean. Each is one file beside this one."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

from deployments.intake.delivery import Delivery, Refused, Why
from flows.opening.alert import Alert
from runbooks.model import Severity
from tasks.alerting import AlertingApi

# A shorter one can be guessed.
SHORTEST = 16
# How far a sender's clock and ours may be apart, queueing included.
FRESH_S = 300.0
JSON = {"content-type": "application/json"}
# What people commonly write where they say how bad a thing is.
SEVERITIES = {
    "critical": Severity.P0,
    "page": Severity.P0,
    "error": Severity.P1,
    "high": Severity.P1,
    "warning": Severity.P2,
    "info": Severity.P3,
    **{one.lower(): one for one in Severity},
}


def _several(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


def _long_enough(value: object) -> object:
    for one in value if isinstance(value, Iterable) else ():
        guessable(one if isinstance(one, SecretStr) else SecretStr(str(one)))
    return value


def guessable(secret: SecretStr) -> SecretStr:
    """Refuse one that is so short.

    Raises:
        ValueError: it is.
    """
    length = len(secret.get_secret_value())
    if length < SHORTEST:
        raise ValueError(f"a secret has {length} characters; at least {SHORTEST} are needed: openssl rand -hex 24")
    return secret


# Two are valid while one is replaced by the other.
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(lambda value: _long_enough(_several(value)))]


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A delivery as the vendor would send it, proved by our own secret: what `incident alerts test` sends.

    `key` stands behind the source's name in the path.
    """

    body: bytes
    headers: Mapping[str, str]
    key: str = field(default="", repr=False)

    def path(self, name: str) -> str:
        """Behind `…/alerts/`, for the source of this name."""
        return f"{name}/{self.key}" if self.key else name


class Source(BaseModel):
    """One sender. `environment` is where its incidents open, unless an alert names another one that is configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registry: ClassVar[dict[str, type[Source]]] = {}
    type: ClassVar[str]
    # What proves it stands in the headers and the path: nothing of a stranger's body is read.
    proved_by_head: ClassVar[bool] = False

    name: str
    environment: str
    secret: Secrets

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if "type" in vars(cls):
            Source.registry[cls.type] = cls

    @abstractmethod
    def verify(self, delivery: Delivery) -> None:
        """Look at nothing but the raw bytes and the headers.

        Raises:
            Refused: it is not proved that our sender sent this, now.
        """

    @abstractmethod
    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        """What it says; nothing, for what is no alert.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: not what the vendor documents.
        """

    @abstractmethod
    def body(self, now_s: float) -> bytes:
        """What this source sends of an alert that fires; each is a problem of its own."""

    @abstractmethod
    def proved(self, body: bytes, now_s: float) -> Sample:
        """`body` as this source sends it at that second, with its proof."""

    def sample(self, now_s: float) -> Sample:
        """A firing alert of this source."""
        return self.proved(self.body(now_s), now_s)

    @property
    def back(self) -> AlertingApi | None:
        """Where it is told what became of its alerts: of the sources that have an `api`, where it is configured."""
        found = getattr(self, "api", None)
        return found if isinstance(found, AlertingApi) else None

    def delivery_id(self, delivery: Delivery) -> str:
        """The same for the same delivery made again. Where the sender numbers none, its bytes are what it is."""
        return f"{delivery.received_s:.6f}:{hashlib.sha256(delivery.body).hexdigest()}"


class TokenSource(Source):
    """A sender that signs nothing: it gives our secret as a bearer, as Basic's password, in `header` or in the path."""

    proved_by_head: ClassVar[bool] = True

    header: str = ""

    def verify(self, delivery: Delivery) -> None:
        given = list(self._given(delivery))
        # Each is compared with each, whatever the first comparison says.
        fits = [same(one, secret.get_secret_value()) for one in given for secret in self.secret]
        if not any(fits):
            raise Refused(Why.UNPROVED)

    def _given(self, delivery: Delivery) -> Iterator[str]:
        scheme, _, rest = delivery.header("authorization").partition(" ")
        if scheme.lower() == "bearer":
            yield rest.strip()
        if scheme.lower() == "basic":
            yield _password(rest.strip())
        if self.header:
            yield delivery.header(self.header)
        yield delivery.key

    def proved(self, body: bytes, now_s: float) -> Sample:  # noqa: ARG002 - a bearer has no date
        """The secret as a bearer."""
        token = self.secret[0].get_secret_value()
        return Sample(body=body, headers={**JSON, "authorization": f"Bearer {token}"})


class SignedSource(Source):
    """A sender that signs the raw body: HMAC-SHA256 as hex behind `prefix`, in the header `signed_in`.

    Where a key is rotated there, several stand in it, parted by commas: one that fits is enough.
    """

    signed_in: ClassVar[str]
    prefix: ClassVar[str] = ""

    def verify(self, delivery: Delivery) -> None:
        parts = [part.strip() for part in delivery.header(self.signed_in).split(",")]
        given = [part.removeprefix(self.prefix) for part in parts if part.startswith(self.prefix)]
        expected = [signature(secret, self.signs(delivery)) for secret in self.secret]
        # Each is compared with each, whatever the first comparison says.
        fits = [same(one, other) for one in given for other in expected]
        if not any(fits):
            raise Refused(Why.UNPROVED)

    def signs(self, delivery: Delivery) -> bytes:
        """What the signature is of."""
        return delivery.body

    def delivery_id(self, delivery: Delivery) -> str:
        # What is signed, and no header beside it: who replays it would write another one.
        return hashlib.sha256(self.signs(delivery)).hexdigest()

    def proved(self, body: bytes, now_s: float) -> Sample:  # noqa: ARG002 - of whoever signs no date
        return self.signed(body)

    def signed(self, body: bytes, headers: Mapping[str, str] | None = None) -> Sample:
        """A sample whose proof is a signature; `headers` stand beside it."""
        more = {**JSON, **(headers or {})}
        signs = self.signs(Delivery(headers=more, body=body, received_s=0.0))
        return Sample(body=body, headers={**more, self.signed_in: f"{self.prefix}{signature(self.secret[0], signs)}"})


def refuse_stale(delivery: Delivery, header: str) -> None:
    """What was sent at the second that `header` says, it says now.

    Raises:
        Refused: it says no second, or one too long ago, or to come.
    """
    try:
        sent_s = float(int(delivery.header(header)))
    except ValueError as error:
        raise Refused(Why.STALE, "no timestamp") from error
    if abs(delivery.received_s - sent_s) > FRESH_S:
        raise Refused(Why.STALE)


def same(given: str, expected: str) -> bool:
    """In constant time, and never for nothing."""
    return bool(given) and hmac.compare_digest(given.encode(), expected.encode())


def signature(secret: SecretStr, body: bytes) -> str:
    """HMAC-SHA256 over the raw bytes, as lower-case hex."""
    return hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def judged(word: str, known: Mapping[str, Severity]) -> Severity | None:
    """A vendor's word for how bad it is, as ours."""
    return known.get(word.lower())


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
