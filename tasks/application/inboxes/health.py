"""How well an inbox does: a score of 0 to 100 from four weights, and the warm-up by which it may send.

The weights are the seed's (S1, runbook 3): bounces 40, complaints 30, replies 20, age 10. A sum alone calls an inbox
whose every mail bounces 60, and a clean new one degraded: so one factor that is critical by itself caps the score, and
what cannot be judged yet takes nothing off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.application.inboxes.queries import INBOXES
from tasks.application.system import ApplicationDatabase
from tasks.model import Row
from tasks.postgres.values import number

WEIGHTS = {"bounces": 40, "complaints": 30, "replies": 20, "age": 10}
# At these a receiver acts (Gmail never above 0.30 % complaints, SES reviews at 5 % bounces): below a volume events are
# counted, because one bounce in five mails is no rate.
BOUNCES_CRITICAL, BOUNCES_DOUBT, BOUNCES_FROM = 0.05, 0.02, 200
BOUNCED_CRITICAL, BOUNCED_DOUBT = 5, 2
COMPLAINTS_CRITICAL, COMPLAINTS_DOUBT, COMPLAINTS_FROM = 0.003, 0.0008, 1000
COMPLAINED_CRITICAL, COMPLAINED_DOUBT = 3, 1
# A reply to one mail in twenty is as well as it gets; of fewer mails nobody can tell.
REPLIES_GOOD, REPLIES_FROM = 0.05, 200
WARM_DAYS = 35
CAPPED_CRITICAL, CAPPED_DOUBT = 49, 79

# Mails a day by week of the warm-up (S1, runbook 9); from the eighth week on the last.
WARMUP = (5, 10, 15, 20, 25, 30, 35, 40)


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """An inbox and its last seven days."""

    row: Row

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def active(self) -> bool:
        return bool(self.row["active"])

    @property
    def paused(self) -> bool:
        return bool(self.row["paused"])

    @property
    def daily_limit(self) -> int:
        return int(number(self.row["daily_limit"]))

    @property
    def allowed(self) -> int | None:
        """What its warm-up allows today; None where it has none."""
        days = self.row.get("warmed_days")
        return None if days is None else warmup_limit(int(number(days)))

    @property
    def limit(self) -> int:
        """What it may send today, by its own limit and by its warm-up."""
        return self.daily_limit if self.allowed is None else min(self.daily_limit, self.allowed)

    @property
    def room(self) -> int:
        return max(0, self.limit - int(number(self.row["sent_today"])))

    @property
    def score(self) -> int:
        row = self.row
        days = row.get("warmed_days")
        age = row.get("age_days") if days is None else days
        return score(
            sent=int(number(row["sent"])),
            bounced=int(number(row["bounced"])),
            complained=int(number(row.get("complained"))),
            replied=None if "replied" not in row else int(number(row["replied"])),
            age_days=None if age is None else int(number(age)),
        )

    @property
    def shown(self) -> Row:
        names = ("id", "address", "status", "daily_limit", "sent_today", "sent", "bounced", "complained", "replied")
        return {"score": self.score, "allowed": self.allowed, **{n: self.row[n] for n in names if n in self.row}}


def inboxes(application: ApplicationDatabase) -> list[Inbox]:
    """All of them, in the order of their ids.

    Raises:
        CannotLook, Refused: no answer, or what it takes is not mapped.
    """
    return [Inbox(row=row) for row in application.rows(INBOXES)]


def warmup_limit(days: int) -> int:
    """Mails a day on that day of the warm-up, the first being 0; none before it."""
    return 0 if days < 0 else WARMUP[min(days // 7, len(WARMUP) - 1)]


def score(*, sent: int, bounced: int, complained: int, replied: int | None, age_days: int | None) -> int:
    """0 to 100, a whole number rounded down."""
    bounces = _left(bounced, sent, BOUNCES_FROM, BOUNCES_CRITICAL, BOUNCED_CRITICAL)
    complaints = _left(complained, sent, COMPLAINTS_FROM, COMPLAINTS_CRITICAL, COMPLAINED_CRITICAL)
    replies = 1.0 if replied is None or sent < REPLIES_FROM else min(1.0, replied / sent / REPLIES_GOOD)
    age = 1.0 if age_days is None else min(1.0, max(0, age_days) / WARM_DAYS)
    parts = {"bounces": bounces, "complaints": complaints, "replies": replies, "age": age}
    # A hair's breadth: 0.4 + 0.3 + 0.2 + 0.1 is a little less than 1.
    whole = math.floor(sum(WEIGHTS[name] * part for name, part in parts.items()) + 1e-9)
    return min(
        whole,
        _cap(bounced, sent, BOUNCES_FROM, (BOUNCES_DOUBT, BOUNCES_CRITICAL), (BOUNCED_DOUBT, BOUNCED_CRITICAL)),
        _cap(
            complained,
            sent,
            COMPLAINTS_FROM,
            (COMPLAINTS_DOUBT, COMPLAINTS_CRITICAL),
            (COMPLAINED_DOUBT, COMPLAINED_CRITICAL),
        ),
    )


def _left(events: int, sent: int, enough: int, critical: float, few: int) -> float:
    """1 with none, 0 where it is critical."""
    share = events / sent / critical if sent >= enough else events / few
    return max(0.0, 1.0 - share)


def _cap(events: int, sent: int, enough: int, rates: tuple[float, float], few: tuple[int, int]) -> int:
    level, (doubt, critical) = (events / sent, rates) if sent >= enough else (float(events), few)
    if level >= critical:
        return CAPPED_CRITICAL
    return CAPPED_DOUBT if level >= doubt else 100
