"""Do we get in, and does the application? If not: why."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pydantic import SecretStr

from tasks.check import check
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.postgres.queries import LOGIN_ROLE
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import place_of
from tasks.postgres.words import limit

CONNECTING = Threshold(
    warn=1,
    bad=2,
    because="Owner: the team on call. A pool opens connections while a customer waits for the page. In one network a "
    "login takes 5 to 50 ms; a second says that the server forks slowly, or that a name or a route is looked for.",
)

# Whoever asks every minute meets a network's hiccup sooner or later, and this opens a P0.
AGAIN_S = 2.0
# Whoever was silent for so long did not hiccup.
QUICK_S = 5.0


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


@check
def check_can_connect(postgres: PostgresServer, took: Threshold = CONNECTING) -> Finding:
    """Can we connect to the database, and can the application?

    The application is asked for where `application_url` is configured. A failure is the answer here, with its reason:
    name, network, TLS, password, role, database, no slot, a limit, starting up, in recovery, shutting down. No reserved
    slot of ours is used through `reserve_url`: it is about the doors others come by. A login without an answer to
    `SELECT 1` counts as a failure too. A quick failure
    counts only if the same doors fail again two seconds later.
    """
    began = time.monotonic()
    knocks = knock_all(postgres)
    if any(knock.refused for knock in knocks) and time.monotonic() - began < QUICK_S:
        time.sleep(AGAIN_S)
        knocks = knock_all(postgres)

    failed = [knock for knock in knocks if knock.refused]
    slowest = max((knock.seconds for knock in knocks if knock.seconds is not None), default=None)
    verdict = Verdict.BAD if failed else took.judge(slowest or 0.0)
    return Finding(
        verdict=verdict,
        says=" ".join(_failed(knock) for knock in failed) or _connected(postgres, knocks, slowest or 0.0, took),
        value=slowest,
        unit="s",
        facts={"reasons": sorted({knock.refused.reason.value for knock in failed if knock.refused})},
        rows=[knock.row for knock in knocks],
        remedy="\n".join(dict.fromkeys(said for knock in failed if (said := _remedy(postgres, knock)))),
    )


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


def _failed(knock: Knock) -> str:
    says = knock.refused.says if knock.refused else ""
    return f"{knock.whose[0].upper()}{knock.whose[1:]} cannot connect: {says}"


def _connected(postgres: PostgresServer, knocks: list[Knock], slowest: float, took: Threshold) -> str:
    who = " and ".join(knock.whose for knock in knocks)
    return (
        f"{who[0].upper()}{who[1:]} can connect to {postgres.address}; it took {slowest * 1000:.0f} ms "
        f"(bad from {limit(took.bad)})."
    )


def _remedy(postgres: PostgresServer, knock: Knock) -> str:
    if knock.refused is None:
        return ""
    if knock.refused.reason is Reason.TOO_MANY_CLIENTS and knock.url != postgres.url:
        # Reserved slots are for those who look and act, never for the application that takes the others.
        return ""
    if knock.refused.reason is Reason.PASSWORD:
        return " ".join(part for part in (knock.refused.remedy, _why_refused(postgres, knock.role)) if part)
    return knock.refused.remedy


def _why_refused(postgres: PostgresServer, role: str) -> str:
    """Postgres says 'password' of a missing role and of an expired password too; the acting role sees which."""
    try:
        rows = postgres.rows_as_actor(LOGIN_ROLE, role=role)
    except CannotLook:
        # The acting role gets in no better: then there is nothing to add.
        return ""
    if not rows:
        return f"There is no role {role}: Postgres says 'password' of a missing role too."
    if rows[0]["expired"]:
        return f"The password of {role} was valid until {rows[0]['valid_until']}."
    return ""
