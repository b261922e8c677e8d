"""The door to our own intake of alerts: how its sources stand, and a test alert of one of them.

It is asked at the address that senders use, so that what lies before it is tried, too. `secret` is its `status_secret`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.web.door import Door
from tasks.web.exchange import bearer
from tasks.web.system import HostedApi, http_url

ADDRESS = "http://127.0.0.1:4280"
M = TypeVar("M", bound=BaseModel)


class Sender(BaseModel):
    """A sender on our own machines that reads its secret from a file, as Alertmanager does (`credentials_file`).

    `secret` is what the intake believes it by: the same variable as under [alerts.sources].
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret_file: Path
    secret: SecretStr


class Refusal(BaseModel):
    """Deliveries that were refused within a day for one reason, as the intake counts them; `last` is the newest."""

    why: str
    number: int
    last: datetime
    remedy: str


class Source(BaseModel):
    """One source: when it sent last, when a test alert of it arrived, what was refused; never its secret."""

    name: str
    kind: str
    environment: str
    secret_is: str
    fingerprints: tuple[str, ...]
    last: datetime | None
    tested: datetime | None
    refused: tuple[Refusal, ...]


class Unreached(BaseModel):
    """A runbook that nothing opens in an environment, and what would."""

    environment: str
    runbook: str
    says: str


class Standing(BaseModel):
    """What the intake says of itself, at one moment. `address` is where it believes that senders reach it."""

    at: datetime
    address: str
    sources: tuple[Source, ...]
    strangers: tuple[Refusal, ...]
    unreached: tuple[Unreached, ...]


class Complaint(BaseModel):
    """Why schedules do not begin what they should."""

    title: str
    says: str
    remedy: str


class Clockwork(BaseModel):
    """How the schedules do: how many are active, when the next run begins, and what stands in the way."""

    troubles: tuple[Complaint, ...]
    schedules: int
    next_run: datetime | None


class Arrival(BaseModel):
    """What became of a test alert: did it arrive in the record, and after how many seconds?"""

    source: str
    arrived: bool
    says: str
    took_s: float | None = None


class AlertIntake(HostedApi):
    """Our own intake of alerts, as senders reach it, and those of its senders whose secret we may put in place."""

    kind: ClassVar[str] = "intake"
    config_lines: ClassVar[str] = (
        'url = "https://alerts.example.com"      # where senders reach it\n'
        'secret = "${INTAKE_STATUS_SECRET}"      # the same as status_secret under [alerts]'
    )

    url: Annotated[str, AfterValidator(http_url("the intake's address, like https://alerts.example.com"))] = ADDRESS
    secret: SecretStr
    senders: Mapping[str, Sender] = Field(default_factory=dict)

    def standing(self) -> Standing:
        """How its sources stand.

        Raises:
            CannotLook: nobody answers. Refused: whoever answers does not know us, or is no intake of ours.
        """
        return self._read(Standing, self._door.get("/sources").body)

    def clockwork(self) -> Clockwork:
        """How the schedules do.

        Raises:
            CannotLook: nobody answers. Refused: as above.
        """
        return self._read(Clockwork, self._door.get("/clock").body)

    def send_test(self, source: str) -> Arrival:
        """Have it send a test alert of one source to its own address, and look whether it arrives.

        Raises:
            CannotLook: it does not answer, or one was sent just now. Refused: as above.
        """
        path = f"/sources/{quote(source, safe='')}/test"
        return self._read(Arrival, self._door.send("POST", path).body)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        standing = self.standing()
        says = f"{self.url} tells of its {len(standing.sources)} sources of alerts."
        yield Finding(verdict=Verdict.OK, says=says)

    def _read(self, model: type[M], body: Json) -> M:
        try:
            return model.model_validate(body)
        except ValidationError:
            raise _no_intake(self.url) from None

    @property
    def _door(self) -> Door:
        return Door(
            place=self.place(bearer(self.secret)),
            words=self._words,
            name=self.url,
            unreachable="incident up   # and see its line about alerts; then look at the proxy before it",
        )

    def _words(self, status: int, _body: Json) -> CannotLook | None:
        if status == 401:
            return Refused(
                f"{self.url} does not take our secret (401).",
                remedy="It is `status_secret` under [alerts], and the intake reads it when it starts: incident up.",
            )
        if status == 404:
            return _no_intake(self.url)
        return None


def _no_intake(url: str) -> Refused:
    return Refused(f"Whoever answers at {url} is no intake of ours.", remedy="Correct `url`, or the proxy's route.")
