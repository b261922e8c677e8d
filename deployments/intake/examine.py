"""Is anybody listening, when did each source send last, and what was refused: what `incident doctor` says of alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx

from deployments.intake.delivery import Why
from deployments.intake.settings import Listening
from flows.journal.alerts import Alerts
from flows.journal.refusals import Refusals
from tasks.model import Finding, Verdict

ANSWERS_WITHIN_S = 5.0
# What was refused longer ago was heard of, or mended.
NEWS = timedelta(days=1)

REMEDIES: Mapping[str, str] = {
    Why.UNPROVED: "If it is your monitoring, its secret is another one than under [alerts.sources]; two may be valid.",
    Why.STALE: "Compare both clocks: what is signed with a moment is believed for some minutes only.",
    Why.UNREADABLE: "The log of `intake` says what was not as the vendor documents it.",
    Why.TOO_MANY: "Raise most_per_s under [alerts], or have the sender group what it says.",
    Why.UNKNOWN_SOURCE: "Whoever it is: the name at the end of their address is none under [alerts.sources].",
}


def examine(alerts: Alerts, listening: Listening, sources: tuple[str, ...]) -> Iterator[Finding]:
    """What stands, in the order in which one would ask.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    at = listening.url
    if complaint := _silent(at):
        says = f"Nobody takes alerts at {at}: {complaint}"
        yield Finding(verdict=Verdict.BAD, says=says, remedy="incident up   # and see its line about alerts")
    else:
        yield Finding(verdict=Verdict.OK, says=f"Alerts are taken at {at}. {_when(alerts.last(), sources)}")
    for refused in alerts.refused(NEWS):
        yield Finding(verdict=Verdict.WARN, says=_said(refused), remedy=REMEDIES.get(refused.why, ""))
    for held, until in alerts.snoozed():
        what = held.fingerprint or " ".join(filter(None, (held.service, held.environment)))
        yield Finding(verdict=Verdict.OK, says=f"{held.actor} holds {what} back until {until:%Y-%m-%d %H:%M} UTC.")


def _silent(address: str) -> str:
    try:
        with httpx.Client(trust_env=False, timeout=ANSWERS_WITHIN_S) as client:
            client.get(f"{address}/health").raise_for_status()
    except httpx.HTTPError as error:
        return str(error) or type(error).__name__
    return ""


def _when(last: Mapping[str, datetime], sources: tuple[str, ...]) -> str:
    return " ".join(f"{name}: {_ago(last.get(name))}." for name in sources)


def _ago(moment: datetime | None) -> str:
    if moment is None:
        return "nothing yet"
    minutes = (datetime.now(UTC) - moment).total_seconds() / 60
    return f"last {minutes:.0f} min ago" if minutes < 120 else f"last {moment:%Y-%m-%d %H:%M} UTC"


def _said(refused: Refusals) -> str:
    whose = f"for {refused.source}" if refused.source else "for a source that is not configured"
    deliveries = "delivery" if refused.number == 1 else "deliveries"
    last = f"{refused.last:%Y-%m-%d %H:%M} UTC"
    return f"{refused.number} {deliveries} {whose} refused within a day: {refused.why}; last {last}."
