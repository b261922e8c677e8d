"""Thinning: of old measurements the hours are kept, lowest, average and highest, and the points go.

Only the owner of the journal's tables may. What was read before is read after, by the hour (flows/journal/series.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from tasks.measurements.queries import COUNT, DELETE, HOURS, MAY_DROP, MONTHS_AHEAD, PARTS
from tasks.model import Refused
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer

# What is usual is told from twelve weeks (flows/journal/series.py), and an objective looks back thirty days.
POINTS_KEPT = timedelta(days=90)
# A season is compared with the same one of the year before, and that year has to be there whole.
HOURS_KEPT = timedelta(days=730)
# The database keeps the last month's points whatever is asked.
SHORTEST = timedelta(days=31)
# A statement that waits for a table lock makes every later reader queue behind it: rather fail and be run again.
WAIT_FOR_TABLE = "5s"

REST, OLDEST_HOURS = "measurements_rest", "hours"
_MONTH = re.compile(r"measurements_to_(\d{4}_\d{2})")


@dataclass(frozen=True, kw_only=True)
class Due:
    """What goes: a month's part, or what lies before `before` in the part for all the rest, or among the hours."""

    part: str
    before: datetime
    # Estimated for a month, counted otherwise.
    rows: int
    bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Thinned:
    """What became of one part: so many points, of which so many hours are left; below zero: so many hours are gone."""

    part: str
    points: int
    hours: int


@dataclass(frozen=True)
class Thinning:
    """The measurements in the database at `url`, which is the owner's."""

    url: SecretStr
    points_kept: timedelta = POINTS_KEPT
    hours_kept: timedelta = HOURS_KEPT

    def due(self, now: datetime) -> list[Due]:
        """What is older than that as a whole, the oldest month first.

        Raises:
            Refused: less than a month is to be kept, or the URL is not the owner's. CannotLook: no answer.
        """
        if self.points_kept < SHORTEST or self.hours_kept < self.points_kept:
            raise Refused(
                f"Points are kept {SHORTEST.days} days at least, and hours no shorter than points: "
                f"{self.points_kept.days} and {self.hours_kept.days} days were asked for."
            )
        points, hours = _month(now - self.points_kept), _day(now - self.hours_kept)
        with self._database.asked_as_actor() as session:
            row = session.run(MAY_DROP)[0]
            if not row["may"]:
                raise Refused(f"{row['who']} may thin nothing: only the owner of the journal's tables may.")
            found = [
                Due(part=str(row["part"]), before=points, rows=int(str(row["points"])), bytes=int(str(row["bytes"])))
                for row in session.run(PARTS)
                if (ends := _ends(str(row["part"]))) and ends <= points
            ]
            for part, before in ((REST, points), (OLDEST_HOURS, hours)):
                if rows := _rows(session, COUNT, part, before):
                    found.append(Due(part=part, before=before, rows=rows))
        return found

    def thin(self, now: datetime) -> Iterator[Thinned]:
        """Make hours of what is due, drop the hours that are, and add parts ahead.

        One part a transaction: who is interrupted has lost nothing, and goes on the next time.

        Raises:
            Refused: not the owner's URL, or less than a month is to be kept; or somebody reads for so long that nothing
                can be dropped. CannotLook: the database does not answer.
        """
        for due in self.due(now):
            yield self.take(due.part, due.before)
        self.add_months()

    def take(self, part: str, before: datetime) -> Thinned:
        """Let one go, in one transaction.

        Raises:
            CannotLook, Refused: as `thin`.
        """
        if part not in (REST, OLDEST_HOURS) and ((ends := _ends(part)) is None or ends > before):
            raise Refused(f"{part} is no month before {before:%Y-%m-%d}.")
        with self._database.transaction() as work:
            work.run("SELECT set_config('lock_timeout', %(limit)s, true)", limit=WAIT_FOR_TABLE)
            if part == OLDEST_HOURS:
                return Thinned(part=part, points=0, hours=-_rows(work, DELETE, part, before))
            # Nobody adds to it between being counted and being dropped.
            work.run(f"LOCK TABLE incident.{part} IN SHARE MODE")
            points, hours = _rows(work, COUNT, part, before), _rows(work, HOURS, part, before)
            if part == REST:
                _rows(work, DELETE, part, before)
            else:
                work.run(f"DROP TABLE incident.{part}")
        return Thinned(part=part, points=points, hours=hours)

    def add_months(self) -> None:
        """Make the parts for a year to come.

        Raises:
            CannotLook, Refused: as `thin`.
        """
        with self._database.transaction() as work:
            work.run("SELECT set_config('lock_timeout', %(limit)s, true)", limit=WAIT_FOR_TABLE)
            work.run(MONTHS_AHEAD)

    @property
    def address(self) -> str:
        return self._database.address

    @property
    def _database(self) -> PostgresServer:
        return PostgresServer(url=self.url, action_url=self.url)


def _rows(session: Session, query: str, part: str, before: datetime) -> int:
    return int(str(session.run(query.replace("{part}", part), before=before)[0]["rows"]))


def _ends(part: str) -> datetime | None:
    """measurements_to_2027_01 ends before that month."""
    found = _MONTH.fullmatch(part)
    return datetime.strptime(found[1], "%Y_%m").replace(tzinfo=UTC) if found else None


def _month(at: datetime) -> datetime:
    return _day(at).replace(day=1)


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
