"""Thinning: of old measurements the hours are kept, lowest, average and highest, and the points go.

Only the owner of the tables may, as with incidents (flows/journal/retention.py). What was read before is read after,
by the hour (flows/journal/series.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg import sql
from pydantic import SecretStr

from flows.journal.connection import Connection, session_of
from flows.journal.retention import CannotRemove

# What is usual is told from twelve weeks (flows/journal/series.py), and an objective looks back thirty days.
POINTS_KEPT = timedelta(days=90)
# A season is compared with the same one of the year before, and that year has to be there whole.
HOURS_KEPT = timedelta(days=730)
# The database keeps the last month's points whatever is asked.
SHORTEST = timedelta(days=31)

# A statement that waits for a table lock makes every later reader queue behind it: rather fail and be run again.
WAIT_FOR_TABLE = "5s"
# Parts for a year to come; a stack that is not started again for so long has a part for all the rest.
MONTHS_AHEAD = "SELECT incident.add_months(now() + interval '1 year')"

PREFIX = "measurements_to_"
REST = "measurements_rest"
_PARTS = """
    SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
     WHERE i.inhparent = 'incident.measurements'::regclass ORDER BY c.relname
"""
_MAY_DROP = "SELECT current_user, pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'incident.hours'::regclass"
_HOURS = """
    INSERT INTO incident.hours (environment, check_name, fact, at, number, lowest, average, highest, unit,
                                ok, warn, unknown, bad)
    SELECT environment, check_name, fact, date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
           count(value), min(value), avg(value), max(value), max(unit),
           count(*) FILTER (WHERE verdict = 'OK'), count(*) FILTER (WHERE verdict = 'WARN'),
           count(*) FILTER (WHERE verdict = 'UNKNOWN'), count(*) FILTER (WHERE verdict = 'BAD')
      FROM (SELECT environment, check_name, '' AS fact, at, value, unit, verdict FROM {part} WHERE at < {before}
             UNION ALL
            SELECT environment, check_name, f.key, at, f.value::text::float8, '', NULL
              FROM {part}, json_each(facts) AS f
             WHERE at < {before} AND f.key <> '' AND json_typeof(f.value) = 'number') AS points
     GROUP BY 1, 2, 3, 4
"""


@dataclass(frozen=True, kw_only=True)
class Thinned:
    """What became of one part: so many points, of which so many hours are left."""

    part: str
    points: int
    hours: int


@dataclass(frozen=True)
class Thinning:
    """The measurements in the database at `url`, which is the owner's."""

    url: SecretStr

    def due(self, now: datetime, points_kept: timedelta = POINTS_KEPT) -> list[str]:
        """The parts that are older than that as a whole, the oldest first.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self.url) as session:
            return _due(session, now - points_kept)

    def thin(
        self, now: datetime, points_kept: timedelta = POINTS_KEPT, hours_kept: timedelta = HOURS_KEPT
    ) -> Iterator[Thinned]:
        """Make hours of what is older than `points_kept`, drop hours older than `hours_kept`, and add parts ahead.

        One part a transaction: who is interrupted has lost nothing, and goes on the next time.

        Raises:
            CannotRemove: not the owner's URL, or less than a month is to be kept.
            JournalUnavailable: the database does not answer, or somebody reads for so long that nothing can be dropped.
        """
        if points_kept < SHORTEST or hours_kept < points_kept:
            raise CannotRemove(
                f"Points are kept {SHORTEST.days} days at least, and hours no shorter than points: "
                f"{points_kept.days} and {hours_kept.days} days were asked for."
            )
        before = _month(now - points_kept)
        with session_of(self.url) as session:
            _refuse_without_right(session)
            session.execute("SELECT set_config('statement_timeout', '0', false)")
            session.execute("SELECT set_config('lock_timeout', %s, false)", [WAIT_FOR_TABLE])
            for part in _due(session, before):
                with session.transaction():
                    thinned = _hours_of(session, part, before)
                    session.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("incident", part)))
                yield thinned
            with session.transaction():
                rest = _hours_of(session, REST, before)
                session.execute("DELETE FROM incident.measurements_rest WHERE at < %s", [before])
                session.execute("DELETE FROM incident.hours WHERE at < %s", [now - hours_kept])
            if rest.points:
                yield rest
            session.execute(MONTHS_AHEAD)


def _refuse_without_right(session: Connection) -> None:
    row = session.execute(_MAY_DROP).fetchone()
    if row and not row[1]:
        raise CannotRemove(f"{row[0]} may thin nothing: only the owner of the journal's tables may.")


def _due(session: Connection, before: datetime) -> list[str]:
    named = [str(row[0]) for row in session.execute(_PARTS)]
    return [part for part in named if part.startswith(PREFIX) and _ends(part) <= before]


def _ends(part: str) -> datetime:
    """measurements_to_2027_01 ends before that month."""
    return datetime.strptime(part.removeprefix(PREFIX), "%Y_%m").replace(tzinfo=UTC)


def _month(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _hours_of(session: Connection, part: str, before: datetime) -> Thinned:
    table = sql.Identifier("incident", part)
    # Nobody adds to it between being counted and being dropped.
    session.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(table))
    count = session.execute(sql.SQL("SELECT count(*) FROM {} WHERE at < %s").format(table), [before]).fetchone()
    made = session.execute(sql.SQL(_HOURS).format(part=table, before=sql.Literal(before)))
    return Thinned(part=part, points=int(str(count[0])) if count else 0, hours=made.rowcount)
