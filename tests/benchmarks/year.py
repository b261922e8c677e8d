"""How long what people look at takes after a year: 20 incidents a day, a checklist of 60 answers each morning.

    python -m tests.benchmarks.year [--json FILE]

The baseline is the same after one day, in the same run. What was measured is in tests.benchmarks.measurements.
"""

from __future__ import annotations

import argparse
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from flows.journal import Entry, Journal, Redactor
from flows.journal.chain import GENESIS, chained
from flows.journal.entry import written
from flows.told.report import report
from tasks.model import Row
from tests.benchmarks.journal import journal as own_journal

INCIDENTS_A_DAY, ANSWERS, DAYS = 20, 60, 365
PLACES = [("health/morning", "production"), *((f"runbook/number-{n}", "production") for n in range(40))]
INSERT = """
    INSERT INTO incident.entries (incident, seq, at, actor, kind, key, body, prev, hash)
    VALUES (%(incident)s, %(seq)s, %(at)s, %(actor)s, %(kind)s, %(key)s, %(body)s, %(prev)s, %(hash)s)
"""
ASKED = """
    WITH asked AS (INSERT INTO incident.openings (runbook, environment, problem, actor, reason)
                   VALUES (%s, 'production', '', 'watch', 'BAD') RETURNING opening)
    INSERT INTO incident.dispatched (opening, attempt, run) SELECT opening, 1, %s FROM asked
"""
# What each figure of a year may take, in milliseconds.
TARGET_MS = 300.0


def chain(incident: str, began: datetime, told: list[tuple[str, str, Row]]) -> Iterator[Entry]:
    prev = GENESIS
    for seq, (kind, key, body) in enumerate(told, 1):
        at = f"{began + timedelta(seconds=seq):%Y-%m-%dT%H:%M:%S.%f}Z"
        entry = chained(incident=incident, seq=seq, at=at, actor="engine", kind=kind, key=key, body=body, prev=prev)
        prev = entry.hash
        yield entry


def opened(slug: str) -> Row:
    return {
        "runbook": slug,
        "kind": "runbook",
        "version": "1",
        "title": "It is dark",
        "problem": "Nobody sees anything.",
        "environment": "production",
        "severity": "P2",
        "reason": "BAD: it is dark.",
    }


def finding(number: int) -> Row:
    says = f"Answer {number}: 7 of 41 sessions wait for a lock, the longest 12 s (bad from 30 s)."
    return {
        "verdict": "OK", "says": says, "value": 12.0, "unit": "s", "facts": {}, "rows": [], "columns": [], "remedy": "",
    }  # fmt: skip


def story(slug: str, answers: int) -> list[tuple[str, str, Row]]:
    """An incident or a checklist, with so many answers."""
    return [
        ("opened", "opened", opened(slug)),
        *(("finding", f"diagnosis/check_{n}", finding(n)) for n in range(answers)),
        ("closed", "closed", {"verdict": "fixed", "says": "Fixed."}),
    ]


def fill(url: str, first: datetime, days: int) -> str:
    """Write so many days; the last incident's id."""
    last = ""
    with psycopg.connect(url, autocommit=True) as session:
        for day in range(days):
            began = first + timedelta(days=day)
            with session.transaction(), session.cursor() as cursor:
                for n in range(INCIDENTS_A_DAY + 1):
                    slug, _ = PLACES[0] if n == 0 else PLACES[1 + (day + n) % 40]
                    last = secrets.token_hex(16)
                    told = story(slug, ANSWERS if n == 0 else 8)
                    entries = chain(last, began + timedelta(minutes=n), told)
                    cursor.executemany(INSERT, [{**vars(e), "body": written(e.body)} for e in entries])
                    session.execute(ASKED, [slug, last])
    return last


def looked_at(journal: Journal, incident: str) -> dict[str, float]:
    """Milliseconds of each, the median of nine."""
    looks: dict[str, Callable[[], Any]] = {
        "schedule_ms": lambda: journal.lately(PLACES),
        "incidents_ms": lambda: journal.incidents(limit=50),
        "open_incidents_ms": lambda: journal.incidents(open_only=True, environment="production", limit=200),
        "timeline_ms": lambda: journal.read(incident),
        "find_by_prefix_ms": lambda: journal.find(incident[:8]),
        "post_mortem_ms": lambda: report(journal.read(incident)),
        "is_it_open_ms": lambda: journal.openings.open_of("production", [slug for slug, _ in PLACES]),
    }
    return {name: statistics.median(_ms(look) for _ in range(9)) for name, look in looks.items()}


def _ms(look: Callable[[], Any]) -> float:
    began = time.perf_counter()
    look()
    return (time.perf_counter() - began) * 1000


def measured() -> dict[str, tuple[float, float]]:
    """Each figure after a day, and after a year."""
    with own_journal() as made:
        owner, runner = made.owner_url, made.runner_url
        journal, now = Journal(SecretStr(runner), Redactor([])), datetime.now(UTC)
        day = looked_at(journal, fill(runner, now - timedelta(days=DAYS + 1), 1))
        last = fill(runner, now - timedelta(days=DAYS), DAYS)
        with psycopg.connect(owner, autocommit=True) as session:
            session.execute("VACUUM ANALYZE incident.entries")
            session.execute("VACUUM ANALYZE incident.openings")
            session.execute("VACUUM ANALYZE incident.dispatched")
        year = looked_at(journal, last)

    return {name: (day[name], year[name]) for name in day}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    figures = measured()
    table = Table("figure", "after a day", "after a year", f"target {TARGET_MS:g} ms")
    for name, (day, year) in figures.items():
        table.add_row(name, f"{day:.1f}", f"{year:.1f}", "reached" if year < TARGET_MS else "missed")
    Console().print(table)
    if told.json:
        told.json.write_text(json.dumps({name: {"day": day, "year": year} for name, (day, year) in figures.items()}))


if __name__ == "__main__":
    main()
