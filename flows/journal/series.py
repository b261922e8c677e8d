"""Series: the measurements as they are read again, point by point or thinned to so many buckets.

A series is a check in an environment; with `fact`, one of the numbers among its findings' facts. The last ninety days
are there point by point, what is older by the hour (tasks/measurements/thinning.py); whoever reads need not know which.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import SecretStr

from flows.journal.connection import Connection, session_of, speaking
from tasks.model import Verdict

# No more points are read at once: a month of one every ten seconds, and some.
MOST_POINTS = 300_000
# What is usual is told from so much; daylight saving and holidays are in it, last year's load is not.
USUAL_FROM = timedelta(weeks=12)

# Constants are put together here; what is asked about stands in parameters.
_OF = "environment = %(environment)s AND check_name = %(check)s AND at >= %(since)s AND at < %(until)s"
_VALUES = f"SELECT at, value, verdict FROM incident.measurements WHERE {_OF} AND value IS NOT NULL"  # noqa: S608
_SILENT = f"SELECT at, NULL::float8, verdict FROM incident.measurements WHERE {_OF} AND value IS NULL"  # noqa: S608
# Each number is in one of two indexes; asked for without saying so, every check's rows of that month would be read.
_TOLD = " UNION ALL ".join(
    f"SELECT at, facts -> %(fact)s AS told, verdict FROM incident.measurements WHERE {_OF} AND value {has}"  # noqa: S608
    for has in ("IS NOT NULL", "IS NULL")
)
_NUMBER = "CASE WHEN json_typeof(told) = 'number' THEN (told #>> '{{}}')::float8 END"
_FACTS = f"SELECT at, {_NUMBER} AS value, verdict FROM ({_TOLD}{{fence}}) AS told{{fence}}"  # noqa: S608
# Where all of them are read: the server would else take the same facts apart for each time their number is named.
_ALL_FACTS = _FACTS.format(fence=" OFFSET 0")
# Where the newest is looked for: it must not read the others.
_NEWEST_FACTS = _FACTS.format(fence="")
_HOURS = f"SELECT at, lowest, average, highest, number FROM incident.hours WHERE {_OF} AND fact = %(fact)s"  # noqa: S608
_BUCKETS = """
    SELECT floor(date_part('epoch', at - %(since)s::timestamptz) / %(width_s)s)::bigint,
           min(lowest), sum(average * number) / sum(number), max(highest), sum(number)::bigint
      FROM (SELECT at, value AS lowest, value AS average, value AS highest, 1 AS number FROM ({points}) AS points
             WHERE value IS NOT NULL
             UNION ALL
            {hours}) AS both_kinds
     WHERE number > 0
     GROUP BY 1 ORDER BY 1
"""
# By the clock on the wall there: 1 is Monday. `spread` is the median distance from the median.
_WEEK = """
    WITH points AS (
        SELECT extract(isodow FROM local)::int AS day, extract(hour FROM local)::int AS hour,
               date_trunc('week', local) AS week, value
          FROM (SELECT at AT TIME ZONE %(zone)s AS local, value FROM ({points}) AS read WHERE value IS NOT NULL) AS read
    ), middles AS (
        SELECT day, hour, percentile_cont(0.5) WITHIN GROUP (ORDER BY value) AS middle,
               count(*) AS number, count(DISTINCT week) AS weeks
          FROM points GROUP BY day, hour
    )
    SELECT day, hour, middle, percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(value - middle)), number, weeks
      FROM middles JOIN points USING (day, hour)
     GROUP BY day, hour, middle, number, weeks ORDER BY day, hour
"""
# From one name to the next in the index, whatever number of points each has.
_KNOWN = """
    WITH RECURSIVE named AS (
        (SELECT environment, check_name FROM incident.measurements
          WHERE value IS NOT NULL ORDER BY environment, check_name LIMIT 1)
        UNION ALL
        SELECT next.environment, next.check_name FROM named,
               LATERAL (SELECT m.environment, m.check_name FROM incident.measurements AS m
                         WHERE m.value IS NOT NULL
                           AND (m.environment, m.check_name) > (named.environment, named.check_name)
                         ORDER BY m.environment, m.check_name LIMIT 1) AS next
    )
    SELECT named.environment, named.check_name, last.at, last.unit,
           ARRAY(SELECT f.key FROM json_each(last.facts) AS f WHERE json_typeof(f.value) = 'number' ORDER BY f.key)
      FROM named,
           LATERAL (SELECT at, unit, facts FROM incident.measurements AS m
                     WHERE (m.environment, m.check_name) = (named.environment, named.check_name)
                       AND m.value IS NOT NULL
                     ORDER BY at DESC LIMIT 1) AS last
     ORDER BY 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Series:
    """Which one: a check in an environment, or a number among its facts."""

    environment: str
    check: str
    fact: str = ""


@dataclass(frozen=True, kw_only=True)
class Point:
    """What one look found. Without a value it found no number: a verdict alone."""

    at: datetime
    value: float | None
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Several points as one: it begins at `at`, and holds `number` of them."""

    at: datetime
    lowest: float
    average: float
    highest: float
    number: int


@dataclass(frozen=True, kw_only=True)
class Hour:
    """One hour of the week, by the clock on the wall: the median of its points, and their median distance from it.

    `day` is 1 on Monday; `weeks` says of how many different weeks the points are.
    """

    day: int
    hour: int
    median: float
    spread: float
    number: int
    weeks: int


@dataclass(frozen=True, kw_only=True)
class Known:
    """A series that there is, when its last point was, its unit, and the facts that are series beside it."""

    environment: str
    check: str
    last: datetime
    unit: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class AllSeries:
    """The series in the database at `url`. Every method raises JournalUnavailable where that does not answer."""

    url: SecretStr
    session: Connection | None = None

    @contextmanager
    def together(self) -> Iterator[AllSeries]:
        """The same through one session, for whoever reads many: opening one takes longer than reading a month."""
        with session_of(self.url) as session:
            yield replace(self, session=session)

    def known(self) -> list[Known]:
        """Every check that found a number, by environment and name."""
        return [
            Known(environment=str(environment), check=str(check), last=at, unit=str(unit), facts=tuple(map(str, facts)))
            for environment, check, at, unit, facts in self._rows(_KNOWN, {})
            if isinstance(at, datetime) and isinstance(facts, list)
        ]

    def points(self, series: Series, since: datetime, until: datetime) -> list[Point]:
        """Each point from `since` until before `until`, the oldest first; only of what is not thinned yet.

        Without a fact also the looks that found no number. At most MOST_POINTS: of more, the newest.
        """
        read = _NEWEST_FACTS if series.fact else f"{_VALUES} UNION ALL {_SILENT}"
        return self._newest(read, _asked(series, since, until), MOST_POINTS)[::-1]

    def last(self, series: Series, since: datetime, until: datetime) -> Point | None:
        """The newest point with a number in that time."""
        facts = f"SELECT * FROM ({_NEWEST_FACTS}) AS facts WHERE value IS NOT NULL"  # noqa: S608
        read = facts if series.fact else _VALUES
        return next(iter(self._newest(read, _asked(series, since, until), 1)), None)

    def buckets(self, series: Series, since: datetime, until: datetime, most: int) -> list[Bucket]:
        """The same as at most `most` buckets of one length; one that would hold nothing is left out.

        What is kept by the hour only is not finer than an hour, however short the buckets are.
        """
        width = (until - since) / most
        asked = {**_asked(series, since, until), "width_s": width.total_seconds()}
        points = _ALL_FACTS if series.fact else _VALUES
        return [
            Bucket(
                at=since + int(str(n)) * width,
                lowest=float(str(lowest)),
                average=float(str(average)),
                highest=float(str(highest)),
                number=int(str(number)),
            )
            for n, lowest, average, highest, number in self._rows(_BUCKETS.format(points=points, hours=_HOURS), asked)
        ]

    def week(self, series: Series, until: datetime, zone: str) -> list[Hour]:
        """Each hour of the week that has points in the twelve weeks before `until`, from Monday on.

        `zone` is an IANA name: an office that opens at nine does so by the clock on its wall.
        """
        asked = {**_asked(series, until - USUAL_FROM, until), "zone": zone}
        points = _ALL_FACTS if series.fact else _VALUES
        return [
            Hour(
                day=int(str(day)),
                hour=int(str(hour)),
                median=float(str(middle)),
                spread=float(str(spread)),
                number=int(str(number)),
                weeks=int(str(weeks)),
            )
            for day, hour, middle, spread, number, weeks in self._rows(_WEEK.format(points=points), asked)
        ]

    def _newest(self, read: str, given: dict[str, object], most: int) -> list[Point]:
        asked = f"SELECT * FROM ({read}) AS points ORDER BY at DESC LIMIT {most}"  # noqa: S608
        return [
            Point(at=at, value=value, verdict=Verdict[verdict])
            for at, value, verdict in self._rows(asked, given)
            if isinstance(at, datetime) and isinstance(value, float | None) and isinstance(verdict, str)
        ]

    def _rows(self, asked: str, given: dict[str, object]) -> Iterator[tuple[object, ...]]:
        if self.session is not None:
            with speaking(self.url):
                yield from self.session.execute(asked.encode(), given).fetchall()
            return
        with session_of(self.url) as session:
            yield from session.execute(asked.encode(), given).fetchall()


def _asked(series: Series, since: datetime, until: datetime) -> dict[str, object]:
    return {
        "environment": series.environment,
        "check": series.check,
        "fact": series.fact,
        "since": since,
        "until": until,
    }
