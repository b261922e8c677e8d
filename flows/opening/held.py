"""Why a BAD answer opens nothing just now: its watch is paused, or these are quiet hours."""

from __future__ import annotations

from datetime import datetime

from flows.journal import Journal
from flows.journal.holding import Snooze
from runbooks.model import Declared
from runbooks.window import end_of_quiet
from tasks.environment import Environment

# A pause is kept among the snoozes of alerts, under this and the watch's name.
PAUSE = "watch:"


def pauses(journal: Journal, environment: str) -> dict[str, tuple[Snooze, datetime]]:
    """The watches that somebody has paused there just now, by name (`SLUG/CHECK`), and until when."""
    return {
        one.fingerprint.removeprefix(PAUSE): (one, until)
        for one, until in journal.alerts.snoozed()
        if one.fingerprint.startswith(PAUSE) and one.environment == environment
    }


def paused(journal: Journal, place: Environment) -> set[str]:
    """The watches that are not asked there just now, for good or for a while, by name."""
    return {*place.paused_watches, *pauses(journal, place.name)}


def quiet_until(place: Environment, runbook: Declared, moment: datetime) -> datetime | None:
    """When the quiet hours end that hold back what is as urgent as `runbook`; None outside of them."""
    hours = next((one for level, one in place.quiet_hours.items() if level == runbook.urgency), None)
    return end_of_quiet(hours, moment, place.time_zone)
