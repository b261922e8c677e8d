"""Can what was measured be read again: by the point, thinned, by the hour of the week, and fast after a year?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from flows.journal.measurement import _LATEST
from flows.journal.series import _ALL_FACTS, _BUCKETS, _HOURS, _VALUES, AllSeries, Bucket, Series, _asked
from tasks.model import Finding, Verdict
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied

# A Wednesday at noon.
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LAG = Series(environment="lab", check="check_lag")
INSERT = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    VALUES ('lab', 'check_lag', %s, %s, 's', %s, %s)
"""
# Every five minutes for a year, of three checks; one more never found a number.
YEAR = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'lab', name, at, CASE WHEN name <> 'check_mute' THEN extract(hour FROM at) END, 's',
           CASE WHEN name <> 'check_mute' THEN 'OK' ELSE 'UNKNOWN' END, '{"waiting": 3}'
      FROM generate_series(now() - interval '365 days', now(), '5 minutes') AS at,
           unnest('{check_a,check_b,check_c,check_mute}'::text[]) AS name
"""
# As a check asks that is asked every minute.
MINUTES = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'lab', 'check_minutes', at, 1, 's', 'OK', '{"waiting": 3}'
      FROM generate_series(now() - interval '30 days', now() - interval '1 second', '1 minute') AS at
"""


def write(roles: Roles, *rows: tuple[datetime, float | None, str], facts: str = "{}") -> AllSeries:
    with psycopg.connect(roles.runner_url) as session, session.cursor() as cursor:
        cursor.executemany(INSERT, [(*row, facts) for row in rows])
    return roles.journal().series


def test_it_reads_points_between_two_moments(roles: Roles) -> None:
    series = write(roles, *[(NOON + n * DAY, float(n), "OK") for n in (2, 0, 1)], (NOON + DAY / 2, None, "BAD"))
    read = series.points(LAG, NOON, NOON + 2 * DAY)
    assert [(one.at, one.value, one.verdict) for one in read] == [
        (NOON, 0.0, Verdict.OK),
        (NOON + DAY / 2, None, Verdict.BAD),
        (NOON + DAY, 1.0, Verdict.OK),
    ]
    assert series.points(Series(environment="production", check="check_lag"), NOON, NOON + DAY) == []


def test_it_keeps_the_verdict_of_a_finding_without_a_number(roles: Roles) -> None:
    """Else availability would be told by the good answers only."""
    journal = roles.journal()
    journal.measure("lab", None, {"check_lag": Finding(verdict=Verdict.BAD, says="It is down.")})
    [point] = journal.series.points(LAG, datetime.now(UTC) - DAY, datetime.now(UTC) + DAY)
    assert (point.value, point.verdict) == (None, Verdict.BAD)
    assert journal.earlier("lab", ["check_lag"]) == {}
    assert journal.series.known() == []


def test_it_reads_a_fact_as_a_series_of_its_own(roles: Roles) -> None:
    series = write(roles, (NOON, 1.0, "OK"), facts='{"waiting": 3, "who": "ada", "deep": [1]}')
    write(roles, (NOON + timedelta(hours=1), None, "BAD"), facts='{"waiting": 5.5}')
    waiting = Series(environment="lab", check="check_lag", fact="waiting")
    read = [(one.value, one.verdict) for one in series.points(waiting, NOON, NOON + DAY)]
    assert read == [(3.0, Verdict.OK), (5.5, Verdict.BAD)]
    [bucket] = series.buckets(waiting, NOON, NOON + DAY, 1)
    assert (bucket.lowest, bucket.highest, bucket.number) == (3.0, 5.5, 2)
    for fact in ("who", "deep", "nothing"):
        assert series.buckets(Series(environment="lab", check="check_lag", fact=fact), NOON, NOON + DAY, 1) == []


def test_it_thins_to_no_more_buckets_than_asked(roles: Roles) -> None:
    series = write(roles, *[(NOON + n * timedelta(hours=1), float(n), "OK") for n in range(24) if not 6 <= n < 12])
    read = series.buckets(LAG, NOON, NOON + DAY, 4)
    assert read == [
        Bucket(at=NOON, lowest=0, average=2.5, highest=5, number=6),
        # Nothing was measured in the second, so there is none.
        Bucket(at=NOON + DAY / 2, lowest=12, average=14.5, highest=17, number=6),
        Bucket(at=NOON + 3 * DAY / 4, lowest=18, average=20.5, highest=23, number=6),
    ]


def test_it_tells_which_series_there_are(roles: Roles) -> None:
    series = write(roles, (NOON, 1.0, "OK"), (NOON + DAY, 2.0, "OK"), facts='{"b": 1, "a": 2, "c": "x"}')
    now = datetime.now(UTC)
    roles.journal().measure("prod", None, {"check_x": Finding(verdict=Verdict.OK, says="", value=1, unit="bytes")})
    lab, prod = series.known()
    assert (lab.environment, lab.check, lab.last, lab.unit, lab.facts) == (
        "lab",
        "check_lag",
        NOON + DAY,
        "s",
        ("a", "b"),
    )
    assert (prod.environment, prod.check, prod.unit, prod.facts) == ("prod", "check_x", "bytes", ())
    assert abs(prod.last - now) < timedelta(minutes=1)


def test_it_tells_the_week_by_the_clock_on_the_wall(roles: Roles) -> None:
    """Berlin's clocks go back on October 25th: nine o'clock is another hour of UTC before and after."""
    mondays = [datetime(2026, 10, 12, 7, tzinfo=UTC), datetime(2026, 10, 19, 7, tzinfo=UTC)]
    mondays += [datetime(2026, 10, 26, 8, tzinfo=UTC), datetime(2026, 11, 2, 8, tzinfo=UTC)]
    series = write(roles, *[(at, float(n), "OK") for n, at in enumerate(mondays)], (NOON - 80 * DAY, 99.0, "OK"))
    write(roles, (NOON - 85 * DAY, 1e9, "OK"))  # thirteen weeks ago: no more
    [nine] = [hour for hour in series.week(LAG, NOON, "Europe/Berlin") if hour.number > 1]
    assert (nine.day, nine.hour, nine.median, nine.spread, nine.number, nine.weeks) == (1, 9, 1.5, 1.0, 4, 4)
    assert len(series.week(LAG, NOON, "UTC")) == 3


@pytest.fixture(scope="module")
def year(postgres18: Server, migrated: Roles) -> Iterator[Roles]:
    with copied(postgres18, migrated) as roles:
        with psycopg.connect(roles.owner_url, autocommit=True) as session:
            session.execute(YEAR)
            session.execute(MINUTES)
            session.execute("VACUUM ANALYZE incident.measurements")
        yield roles


def test_it_reads_a_month_of_a_minute_series(year: Roles) -> None:
    series, until = year.journal().series, datetime.now(UTC)
    minutes = Series(environment="lab", check="check_minutes")
    read = series.buckets(minutes, until - 30 * DAY, until, 720)
    assert sum(bucket.number for bucket in read) >= 43_190
    assert len(series.points(minutes, until - 30 * DAY, until)) >= 43_190


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def explained(roles: Roles, asked: str, given: Any) -> list[dict[str, Any]]:
    with psycopg.connect(roles.runner_url) as session:
        row = session.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}".encode(), given).fetchone()
    assert row
    document = row[0] if isinstance(row[0], list) else json.loads(str(row[0]))
    return list(nodes(document[0]["Plan"]))


def test_it_finds_a_series_among_a_year_by_the_index(year: Roles) -> None:
    until = datetime.now(UTC)
    given = {**_asked(Series(environment="lab", check="check_b"), until - 7 * DAY, until), "width_s": 3600.0}
    read = explained(year, _BUCKETS.format(points=_VALUES, hours=_HOURS), given)
    assert not [one for one in read if one["Node Type"] == "Seq Scan" and one["Actual Rows"] > 0]
    [scan] = [one for one in read if "measurements" in one.get("Relation Name", "") and one["Actual Rows"] > 1000]
    assert scan["Node Type"] == "Index Only Scan"
    # A week of it, and not a row of the other checks or of the year.
    assert scan["Actual Rows"] < 2_100
    assert scan.get("Rows Removed by Filter", 0) == 0


def test_it_reads_of_a_fact_its_own_rows_only(year: Roles) -> None:
    """Not those of every other check in that month, as it did."""
    until = datetime.now(UTC)
    given = {**_asked(Series(environment="lab", check="check_b", fact="n"), until - 7 * DAY, until), "width_s": 3600.0}
    read = explained(year, _BUCKETS.format(points=_ALL_FACTS, hours=_HOURS), given)
    scans = [one for one in read if "measurements" in one.get("Relation Name", "")]
    assert {one["Node Type"] for one in scans if one["Actual Rows"]} <= {"Index Scan", "Bitmap Heap Scan"}
    assert 1_900 < sum(one["Actual Rows"] for one in scans) < 2_100
    assert not any(one.get("Rows Removed by Filter") for one in scans)


def test_it_takes_only_numbers_for_a_facts_series(roles: Roles) -> None:
    now = datetime.now(UTC)
    told = ['{"n": 7}', '{"n": -1.5e1}', '{"n": "8"}', '{"n": true}', '{"n": null}', '{"n": {"n": 9}}', "{}"]
    for number, facts in enumerate(told):
        write(roles, (now - number * timedelta(minutes=1), None if number % 2 else 1.0, "OK"), facts=facts)
    waiting = Series(environment="lab", check="check_lag", fact="n")
    series = roles.journal().series
    [bucket] = series.buckets(waiting, now - DAY, now + DAY, 1)
    assert (bucket.lowest, bucket.highest, bucket.number) == (-15.0, 7.0, 2)
    assert [one.value for one in series.points(waiting, now - DAY, now + DAY)] == [None] * 5 + [-15.0, 7.0]
    last = series.last(waiting, now - DAY, now + DAY)
    assert last
    assert last.value == 7.0


def test_it_finds_the_last_numbers_without_reading_the_year(year: Roles) -> None:
    """And looks no further for one that a check never had."""
    read = explained(year, _LATEST, [["check_a", "check_mute", "check_none"], "lab"])
    scans = [one for one in read if "measurements" in one.get("Relation Name", "")]
    assert all(one["Node Type"].startswith("Index") for one in scans if one["Actual Loops"])
    assert sum(one["Actual Rows"] * one["Actual Loops"] for one in scans) <= 6
    assert not [one for one in scans if one.get("Rows Removed by Filter", 0)]
    assert set(year.journal().earlier("lab", ["check_a", "check_mute", "check_none"])) == {"check_a"}
