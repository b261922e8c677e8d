"""What a look-up costs among millions of alerts: taking one more, the list, and what is asked every few seconds.

    python -m tests.benchmarks.alerts_table [ALERTS] [--json FILE]

The baseline is the same among a thousand, in the same run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from flows.journal import Journal, Redactor
from flows.journal.taking import Told, take
from flows.people.escalate import NEWS
from tests.benchmarks.journal import journal as own_journal

ALERTS = 5_000_000
FEW = 1_000
ROUNDS = 200
# Of a year, of a thousand problems whose incidents are over.
FILL = """
    INSERT INTO incident.openings (runbook, environment, problem, actor, reason)
    SELECT 'database/slow-queries', 'production', 'sentry:' || n, 'alert:sentry', '' FROM generate_series(1, 1000) AS n;
    INSERT INTO incident.dispatched (opening, attempt, run)
    SELECT opening, 1, 'run-' || opening FROM incident.openings;
"""
MORE = """
    INSERT INTO incident.deliveries (source, delivery, at)
    SELECT 'sentry', 'd' || n, now() - (%(all)s - n) * interval '365 days' / %(all)s
      FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n;
    INSERT INTO incident.alerts (at, source, fingerprint, state, title, severity, service, environment, more, runbook,
                                 why, opening, joined)
    SELECT now() - (%(all)s - n) * interval '365 days' / %(all)s, 'sentry', 'sentry:' || 1 + n %% 1000,
           CASE WHEN n %% 5 = 0 THEN 'resolved' ELSE 'firing' END, 'OperationalError ' || n, 'P2', 'web', 'production',
           '{"tags": {"a": "b"}}', 'database/slow-queries', 'A rule.', 1 + n %% 1000, true
      FROM generate_series(%(from)s::bigint, %(to)s::bigint) AS n
"""


def measured(number: int) -> dict[str, float]:
    """Every figure by its key, in milliseconds unless it says otherwise."""
    with own_journal() as made:
        owner, runner = made.owner_url, made.runner_url
        found: dict[str, float] = {}
        with psycopg.connect(owner, autocommit=True) as session:
            session.execute(FILL)
            before = 0
            for name, rows in (("among_a_thousand", FEW), ("among_all", number)):
                _fill(session, before, rows, number)
                before = rows
                found |= {f"{name}_{what}": ms for what, ms in _asked(runner, name).items()}
        began = time.perf_counter()
        month = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 31 * 86_400))}"
        found["removed"] = Journal(SecretStr(owner), Redactor([])).retention.remove_alerts(month)
        found["removed_s"] = time.perf_counter() - began
        return found


def _fill(session: psycopg.Connection[tuple[object, ...]], before: int, rows: int, number: int) -> None:
    for first in range(before + 1, rows + 1, 500_000):
        last = min(first + 499_999, rows)
        for statement in MORE.split(";"):
            session.execute(statement.encode(), {"all": number, "from": first, "to": last})
    for table in ("alerts", "deliveries"):
        session.execute(f"VACUUM ANALYZE incident.{table}".encode())


def _asked(url: str, name: str) -> dict[str, float]:
    alerts = Journal(SecretStr(url), Redactor([])).alerts
    with psycopg.connect(url, autocommit=True) as session:
        found = {"take_one": _median(lambda n: _take(session, f"{name}/{n}", f"sentry:{1 + n % 1000}"))}
        # The deliveries of the storm above: each is here.
        found["take_it_twice"] = _median(lambda n: _take(session, f"{name}/{n}", "sentry:1"))
    return found | {
        "list": _median(lambda _: alerts.newest()),
        "news": _median(lambda _: alerts.news()),
        "unclaimed": _median(lambda _: alerts.unclaimed(NEWS, timedelta(hours=1))),
        "last": _median(lambda _: alerts.last()),
    }


def _take(session: psycopg.Connection[tuple[object, ...]], delivery: str, fingerprint: str) -> object:
    told = Told(
        fingerprint=fingerprint,
        firing=True,
        title="OperationalError",
        severity="P2",
        service="web",
        environment="production",
        runbook="database/slow-queries",
        why="A rule.",
    )
    return take(session, {"production": Redactor([])}, "sentry", delivery, [told])


def _median(ask: Callable[[int], object]) -> float:
    took = []
    for n in range(ROUNDS):
        began = time.perf_counter()
        ask(n)
        took.append(time.perf_counter() - began)
    return 1000 * statistics.median(took)


def main() -> None:
    """Measure, print, and write the figures where they are wanted."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.alerts_table")
    parser.add_argument("alerts", type=int, nargs="?", default=ALERTS)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    found = measured(given.alerts)
    table = Table("figure", "value", title=f"Among {given.alerts:,} alerts")
    for name, value in found.items():
        table.add_row(name, f"{value:,.2f}")
    Console().print(table)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
