"""incident watch backtest: what a runbook's watches would have caught, and how often for nothing."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from deployments.commands.context import Here, here
from deployments.commands.measured import asked, incidents, since, was_real
from deployments.commands.terminal import console, errors, print_json, show_line, show_table
from flows.run.clock import now
from flows.told.asked import moment
from flows.told.hindsight import Hindsight, Past, decides, hindsight, judged
from flows.told.show import lasted
from runbooks.model import Watch

# Alarms are shown so many at most; --json has all.
SHOWN = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tested:
    """One watch in hindsight. `limit` is the one it was judged by; empty: by its answers as they were given."""

    check: str
    answers: int
    limit: str
    found: Hindsight


def backtest(slug: str, *, environment: str, days: int = 30, json: bool = False) -> int:
    """Ask of each watch of a runbook: when would it have fired, which incidents caught, how early, how often in vain?

    Judged by what was measured, by the limits of now and by how the watch settles; where a check judges more than its
    number, by the answers it gave then. Only where it was asked: what nobody measured, nothing can be said of. Exit
    code 1 if nothing was.

    Parameters
    ----------
    slug
        For example database/blocked-sessions.
    environment
        Where it is watched.
    days
        How far back; 90 days are kept point by point.
    json
        Print JSON instead.
    """
    at = here()
    entry = at.catalog.get(slug)
    if not entry.runbook.watched:
        errors.print(f"{slug} watches nothing.")
        return 1
    tested = [_tested(at, slug, watch, environment, days) for watch in entry.runbook.watched]
    if json:
        print_json([{**dataclasses.asdict(one), "found": _as_json(one.found)} for one in tested])
    else:
        for one in tested:
            _show(one)
    return 0 if any(one.answers for one in tested) else 1


def _tested(at: Here, slug: str, watch: Watch, environment: str, days: int) -> Tested:
    of, until = asked(at, watch.check.name, environment), now()
    begins = since(until, days)
    points = at.journal().series.points(of.series(), begins, until)
    limits = of.limits
    name, limit = next(iter(limits.items())) if len(limits) == 1 else ("", None)
    past = [
        Past(
            incident=one.incident,
            opened=moment(one.opened_at),
            closed=None if one.open else moment(one.closed_at),
            real=was_real(one),
        )
        for one in incidents(at, of, begins)
        if one.runbook == slug
    ]
    by = name if limit is not None and decides(points, limit) else ""
    return Tested(
        check=of.check.name, answers=len(points), limit=by, found=hindsight(judged(points, limit), past, watch.settle)
    )


def _show(one: Tested) -> None:
    console.print(one.check, style="bold")
    if not one.answers:
        show_line("unknown", "nothing was measured in this time, so nothing can be said")
        return
    by = f"by the limit {one.limit!r} as it is now" if one.limit else "by its answers as they were given"
    show_line("answers", f"{one.answers:,}, judged {by}")
    found = one.found
    show_line("alarms", f"{len(found.alarms)}, of which {len(found.false)} in vain ({found.false_per_week:.1f} a week)")
    caught = [(one.incident[:8], _earlier(one.earlier)) for one in found.caught]
    show_line("caught", f"{len(caught)} of {len(caught) + len(found.missed)} incidents of this runbook")
    if caught:
        show_table(["incident", "the alarm would have come"], caught[:SHOWN], whole=1)
    if found.missed:
        show_line("missed", ", ".join(incident[:8] for incident in found.missed[:SHOWN]))
    if found.false:
        moments = [f"{alarm.since:%Y-%m-%d %H:%M}" for alarm in found.false[-SHOWN:]]
        show_line("in vain", f"{', '.join(moments)} (UTC)")


def _earlier(by: timedelta) -> str:
    seconds = by.total_seconds()
    return f"{lasted(abs(seconds))} {'before' if seconds >= 0 else 'after'} it was opened"


def _as_json(found: Hindsight) -> dict[str, object]:
    told = dataclasses.asdict(found)
    told["caught"] = [{"incident": one.incident, "earlier_s": one.earlier.total_seconds()} for one in found.caught]
    return told
