"""Knocking: one attempt at each door that we and the application come by."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from tasks.model import CannotLook, Row
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import place_of


@dataclass(frozen=True, kw_only=True)
class Knock:
    """One attempt to connect: how long it took (seconds), or why it did not come about."""

    whose: str
    url: SecretStr
    seconds: float | None = None
    refused: NotConnected | None = None

    @property
    def role(self) -> str:
        return place_of(self.url).user

    @property
    def row(self) -> Row:
        return {
            "whose": self.whose,
            "user": self.role,
            "place": str(place_of(self.url)),
            "connected": self.refused is None,
            "reason": self.refused.reason.value if self.refused else None,
            "seconds": self.seconds,
        }


def knock_all(postgres: PostgresServer) -> list[Knock]:
    """Try the doors that are configured, ours first: `url`, and `application_url` where it is another."""
    doors = [("we", postgres.url)]
    if postgres.application_url and postgres.application_url != postgres.url:
        doors.append(("the application", postgres.application_url))
    return [_knock(postgres, whose, url) for whose, url in doors]


def _knock(postgres: PostgresServer, whose: str, url: SecretStr) -> Knock:
    try:
        return Knock(whose=whose, url=url, seconds=round(postgres.knock(url), 3))
    except NotConnected as error:
        return Knock(whose=whose, url=url, refused=error)
    except CannotLook as error:
        # It let us in and then said nothing: a frozen server, or one that ended us at once.
        silent = NotConnected(Reason.BROKEN_OFF, error.says, error.remedy)
        return Knock(whose=whose, url=url, refused=silent)
