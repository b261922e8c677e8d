"""Why a watch's BAD answer opens nothing just now: paused by somebody, quiet hours, or not seen often enough yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from flows.journal import Journal
from flows.journal.holding import Snooze
from flows.journal.looks import Look
from runbooks.model import Severity, Watch
from runbooks.window import Day, Window
from tasks.environment import Environment
from tasks.model import Verdict

# A pause is kept among the snoozes of alerts, under this and the watch's name.
PAUSE = "watch:"


def pauses(journal: Journal, environment: str) -> dict[str, tuple[Snooze, datetime]]:
    """The watches that somebody has paused there just now, by name (`SLUG/CHECK`), and until when."""
    return {
        one.fingerprint.removeprefix(PAUSE): (one, until)
        for one, until in journal.alerts.snoozed()
        if one.fingerprint.startswith(PAUSE) and one.environment == environment
    }


def quiet_until(place: Environment, severity: Severity, moment: datetime) -> datetime | None:
    """When the quiet hours end that hold back what is no more urgent than `severity`; None outside of them."""
    hours = next((one for level, one in place.quiet_hours.items() if level == severity), None)
    if hours is None:
        return None
    window = Window(start=hours.start, length=timedelta(hours=hours.hours), days=tuple(Day))
    opening = window.open_at(moment, place.time_zone)
    return opening.ends if opening else None


def settled(watch: Watch, before: Sequence[Look]) -> bool:
    """Is a BAD answer, after those `before` it (the newest first), one too many?"""
    bad = 1 + sum(look.verdict is Verdict.BAD for look in before[: watch.settle.of - 1])
    return bad >= watch.settle.bad
