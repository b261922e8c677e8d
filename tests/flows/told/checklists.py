"""A checklist that was gone through, as its record and series tell it; whatever came from outside is one text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from flows.journal import Entry
from flows.journal.series import Bucket
from flows.told.chart import Drawn, Span
from flows.told.dashboards import Dashboard
from flows.told.health_report import Gone
from flows.told.slo import stand
from tasks.model import Threshold
from tasks.objective import Objective

UNTIL = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=30)
# Of the name: the dashboard, the verdict, and whether it was ever a number.
ASKED = {
    "check_slow": (Dashboard.PERFORMANCE, "BAD", True),
    "check_mail": (Dashboard.BUSINESS, "UNKNOWN", False),
    "check_disks": (Dashboard.INFRASTRUCTURE, "WARN", True),
    "check_site": (Dashboard.HEALTH, "OK", True),
}


def item(key: str, verdict: str, text: str) -> dict[str, str]:
    return {"key": key, "verdict": verdict, "what": f"Is {key} well? {text}", "says": text, "to_do": text}


def entries(text: str = "It is as it is.") -> list[Entry]:
    items = [item(name, verdict, text) for name, (_, verdict, _) in ASKED.items()]
    items += [item("ran maintenance/database", "WARN", text), item("incidents", "OK", text)]
    changed = [{"what": text, "was": "OK", "is": "BAD", "says": text}]
    checked = {"verdict": "BAD", "says": text, "items": items, "changed": changed, "not_here": [text]}
    return list(
        _entries(
            (
                "opened",
                "opened",
                {"runbook": "health/morning", "title": f"Morning {text}", "environment": f"lab{text}"},
            ),
            *(("finding", f"diagnosis/{name}", {"verdict": "OK", "says": text}) for name in ASKED),
            ("checked", "checked", checked),
            ("asked", "step/curtains/ask/1/asked", {"title": f"Draw the curtains {text}"}),
            ("step", "step/matches/closed", {"title": f"Lay matches {text}", "fate": "applied", "says": text}),
        )
    )


def _entries(*told: tuple[str, str, dict[str, Any]]) -> Iterator[Entry]:
    for seq, (kind, key, body) in zip(itertools.count(1), told, strict=False):
        at = f"2026-11-23T06:30:{seq:09.6f}Z"
        yield Entry(
            incident="0" * 8, seq=seq, at=at, actor="engine", kind=kind, key=key, body=body, prev="", hash=f"hash{seq}"
        )


def gone(text: str = "It is as it is.", **more: Any) -> Gone:
    record = entries(text)
    return Gone(
        **{
            "entries": record,
            "checked": next(entry for entry in record if entry.kind == "checked"),
            "since": SINCE,
            "until": UNTIL,
            "zone": "Europe/Berlin",
            "belongs": {name: dashboard for name, (dashboard, _, _) in ASKED.items()},
            "curves": {name: curve(name, text) for name, (_, _, number) in ASKED.items() if number},
            "objectives": [stand(Objective(name=f"answers {text}", check="check_site", target=0.99), [], UNTIL)],
            **more,
        }
    )


def curve(name: str, text: str) -> Drawn:
    buckets = [
        Bucket(at=SINCE + n * timedelta(hours=4), lowest=1 + n % 6, average=2 + n % 6, highest=4 + n % 6, number=48)
        for n in range(180)
    ]
    return Drawn(
        title=f"{name} in lab{text}",
        unit=f"pieces{text}",
        since=SINCE,
        until=UNTIL,
        buckets=buckets,
        zone="Europe/Berlin",
        limit=Threshold(warn=7, bad=9, because="Owner: nobody."),
        incidents=[Span(opened=UNTIL - timedelta(days=3), closed=None, name=f"P1 {text}")],
    )
