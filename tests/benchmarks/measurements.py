"""How many measurements are kept a second, how large they are, and how fast a series of theirs is read.

    python -m tests.benchmarks.measurements [POINTS] [--json FILE]

A round of watches is kept as one statement; the baseline is a statement a point, in the same run. POINTS, a million
without being told, are of 200 checks over 30 days, one of them asked every minute.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from flows.journal import Journal, Redactor
from flows.journal.measurement import measure
from flows.journal.series import Series
from flows.told.asked import Asked
from flows.told.chart import within
from flows.told.curves import curves
from flows.told.plane import SMALL
from runbooks.model import AnyCheck
from tasks.check import Check
from tasks.environment import Measured
from tasks.measurements.thinning import Thinning
from tasks.model import Finding, Row, Verdict
from tests.benchmarks.journal import journal as own_journal

POINTS = 1_000_000
ROUND = 200
ROUNDS = 50
REPORTED = 60
MONTH = timedelta(days=30)
ONE_BY_ONE = """
    INSERT INTO incident.measurements (environment, check_name, value, unit, verdict, incident, facts)
    VALUES ('production', %s, %s, 's', 'OK', NULL, '{"waiting": 3, "since": "now"}')
"""
# In the order of time, as they come: the points of one check lie far apart.
FILL = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'production', 'check_number_' || c, at, random(), 's', 'OK', '{"waiting": 3, "since": "now"}'
      FROM generate_series(now() - interval '30 days', now() - interval '1 second', %s) AS at,
           generate_series(1, 199) AS c
     ORDER BY at
"""
MINUTES = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'production', 'check_minutes', at, random(), 's', 'OK', '{"waiting": 3, "since": "now"}'
      FROM generate_series(now() - interval '30 days', now() - interval '1 second', '1 minute') AS at
"""
SIZES = """
    SELECT sum(pg_table_size(inhrelid)), sum(pg_indexes_size(inhrelid)),
           (SELECT count(*) FROM incident.measurements), (SELECT pg_total_relation_size('incident.hours'))
      FROM pg_inherits WHERE inhparent = 'incident.measurements'::regclass
"""


def measured(number: int) -> dict[str, float]:
    """Every figure by its key."""
    with own_journal() as made:
        owner, runner = made.owner_url, made.runner_url
        return _written(runner) | _read(owner, runner, number) | _thinned(owner)


def _written(runner: str) -> dict[str, float]:
    journal, redact = Journal(SecretStr(runner), Redactor([])), Redactor([])
    facts: Row = {"waiting": 3, "since": "now"}
    found = {
        f"check_number_{n}": Finding(verdict=Verdict.OK, says="", value=1.5, unit="s", facts=facts)
        for n in range(ROUND)
    }
    with psycopg.connect(runner, autocommit=True, prepare_threshold=None) as session:
        began = time.perf_counter()
        for name in found:
            session.execute(ONE_BY_ONE, [name, 1.5])
        single = ROUND / (time.perf_counter() - began)
        began = time.perf_counter()
        for _ in range(ROUNDS):
            measure(session, redact, "production", None, found)
        batched = ROUND * ROUNDS / (time.perf_counter() - began)
    began = time.perf_counter()
    for _ in range(ROUNDS):
        journal.measure("production", None, found)
    door = ROUND * ROUNDS / (time.perf_counter() - began)
    return {
        "one_by_one_per_s": single,
        "batched_per_s": batched,
        "batched_each_with_a_session_per_s": door,
        "batched_over_one_by_one": batched / single,
    }


def _read(owner: str, runner: str, number: int) -> dict[str, float]:
    with psycopg.connect(owner, autocommit=True) as session:
        session.execute(FILL, [MONTH * 199 / number])
        session.execute(MINUTES)
        session.execute("VACUUM ANALYZE incident.measurements")
        row = session.execute(SIZES).fetchone()
    assert row
    table, indexes, count = (float(value) for value in row[:3])
    journal, until = Journal(SecretStr(runner), Redactor([])), datetime.now(UTC)
    minutes = Series(environment="production", check="check_minutes")
    waiting = Series(environment="production", check="check_minutes", fact="waiting")
    names = [f"check_number_{n}" for n in range(ROUND)]
    return {
        "points": count,
        "table_mb_per_million": table / count,
        "indexes_mb_per_million": indexes / count,
        "month_of_minutes_thinned_ms": _median(lambda: journal.series.buckets(minutes, until - MONTH, until, 720)),
        "month_of_a_fact_thinned_ms": _median(lambda: journal.series.buckets(waiting, until - MONTH, until, 720)),
        "month_of_minutes_all_points_ms": _median(lambda: journal.series.points(minutes, until - MONTH, until)),
        "week_ms": _median(lambda: journal.series.week(minutes, until, "Europe/Berlin")),
        "latest_of_200_ms": _median(lambda: journal.earlier("production", names)),
        "known_ms": _median(journal.series.known),
        **_reported(journal, until),
    }


def _reported(journal: Journal, until: datetime) -> dict[str, float]:
    """The pictures of a checklist of sixty questions: read, and drawn."""
    asked = [
        Asked(check=_question(n), environment="production", place=Measured(), runbooks=frozenset())
        for n in range(1, 1 + REPORTED)
    ]
    drawn = [replace(one, size=SMALL) for one in curves(journal, asked, until, set()).values()]
    return {
        "report_of_60_read_ms": _median(lambda: curves(journal, asked, until, set())),
        "report_of_60_drawn_ms": _median(lambda: [within(one) for one in drawn]),
    }


def _question(number: int) -> AnyCheck:
    def asked() -> Finding:
        """Is it well?"""
        return Finding(verdict=Verdict.OK, says="")

    asked.__name__ = f"check_number_{number}"
    return Check(asked)


def _thinned(owner: str) -> dict[str, float]:
    """As it will be in half a year: what there is becomes hours."""
    began = time.perf_counter()
    done = list(Thinning(SecretStr(owner)).thin(datetime.now(UTC) + timedelta(days=180)))
    took = time.perf_counter() - began
    points, hours = sum(one.points for one in done), sum(one.hours for one in done)
    with psycopg.connect(owner) as session:
        row = session.execute(SIZES).fetchone()
    size = float(row[3]) if row else 0.0
    return {"thinned_points_per_s": points / took, "hours": hours, "hours_mb_per_million": size / max(hours, 1)}


def _median(ask: Callable[[], object]) -> float:
    took = []
    for _ in range(9):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


def main() -> None:
    """Measure, print, and write the figures where they are wanted."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.measurements")
    parser.add_argument("points", type=int, nargs="?", default=POINTS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    found = measured(given.points)
    table = Table("figure", "value", title=f"{given.points:,} measurements")
    for name, value in found.items():
        table.add_row(name, f"{value:,.2f}")
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
