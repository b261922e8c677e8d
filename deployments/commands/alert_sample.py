"""incident alerts test: a source's own sample, by the real way to its incident, and away again."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
from pydantic import SecretStr

from deployments.commands.context import Here, here
from deployments.commands.playground import playground
from deployments.commands.terminal import console, errors, print_json
from deployments.home import Home
from deployments.intake import settings
from deployments.intake.intake import Intake
from deployments.intake.settings import AlertSettings
from deployments.intake.source import Sample
from deployments.interrupts import interruptible
from deployments.lab import alerts as labs
from deployments.trouble import CannotStart
from flows.journal import Journal
from flows.people import handling
from flows.told.follow import follow
from tasks.config import LAB

# As a sender waits.
ANSWERS_WITHIN_S = 10.0
# It reads the catalog first.
LISTENS_WITHIN_S = 120.0
BEGINS_WITHIN_S, ENDS_WITHIN_S = 120.0, 240.0
LOOK_S = 0.2
ACTOR = "incident alerts test"


class NobodyListens(CannotStart):
    """No process takes alerts where the configuration says one does."""


class NotTaken(CannotStart):
    """What was sent was refused, or opened nothing that begins."""


def sample(source: str, *, environment: str | None = None, json: bool = False) -> int:
    """Send a correctly signed sample of a source to the real address, as the source would, and withdraw it.

    The incident that it opens is closed, and the alert is over. Exit code 0 only if it was taken.

    Parameters
    ----------
    source
        Its name in the configuration, under [alerts.sources].
    environment
        The one whose source is meant. `lab` has one of every kind; what is not up is started for as long as it takes.
    json
        Print what became of it as JSON.
    """
    if environment != LAB:
        return through(here(), source, environment, json=json)
    with interruptible(), playground(Home.find(), _beside) as (at, _):
        known = listening(at).sources
        return through(at, source if source in known else labs.name(source), LAB, json=json)


def _beside(text: str) -> None:
    """Standard output is for what became of it."""
    errors.print(text, soft_wrap=True)


def through(at: Here, source: str, environment: str | None = None, *, json: bool = False) -> int:
    """Send the sample of one source to the address that is listened at, and withdraw it."""
    found = settings.load(at.config, at.catalog)
    fitting = [name for name, one in found.sources.items() if environment in (None, one.environment)]
    if source not in fitting:
        known = ", ".join(fitting) or "none; add [alerts.sources.NAME] to the configuration"
        errors.print(f"No source is called {source!r}. Known: {known}.")
        return 2
    journal = at.journal()
    sent = found.sources[source].sample(time.time())
    answer = deliver(found, source, sent)
    (one,) = answer["alerts"]
    became = {"source": source, **one, **_incident(at, journal, one)}
    with _intake(at, found) as intake:
        intake.withdraw(found.sources[source], sent.body)
    if json:
        print_json(became)
    else:
        console.print(_says(became))
    return 0


def _says(became: dict[str, Any]) -> str:
    number, incident = became["alert"], str(became["incident"])[:8]
    if became["joined"]:
        what = f"joined an open incident: {incident}"
    elif became["opening"] is None:
        what = "opened nothing"
    elif became["withdrawn"]:
        what = f"opened incident {incident} ({became['runbook']}), which is withdrawn: {became['verdict']}"
    else:
        what = "opens an incident once Prefect is up"
    return f"Alert {number} was taken and {what}. `incident alerts why {number}` says why."


def deliver(found: AlertSettings, source: str, sent: Sample) -> dict[str, Any]:
    """Send it as its source does; the answer.

    Raises:
        NobodyListens, NotTaken: it did not get through.
    """
    url = f"{found.listening.url}/alerts/{sent.path(source)}"
    try:
        with httpx.Client(trust_env=False, timeout=ANSWERS_WITHIN_S) as client:
            answer = client.post(url, content=sent.body, headers=dict(sent.headers))
    except httpx.TransportError as error:
        raise NobodyListens(
            f"Nobody takes alerts at {found.listening.url}: {error}. `incident up` does, once a source is configured."
        ) from None
    if answer.status_code != httpx.codes.OK:
        raise NotTaken(f"Refused with {answer.status_code}. The log of `intake` says why.")
    return dict(answer.json())


def listening(at: Here) -> AlertSettings:
    """What is configured, once somebody listens.

    Raises:
        NobodyListens: in all that time.
    """
    found, until = settings.load(at.config, at.catalog), time.monotonic() + LISTENS_WITHIN_S
    while time.monotonic() < until:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{found.listening.url}/health", trust_env=False).is_success:
                return found
        time.sleep(LOOK_S)
    raise NobodyListens(f"Nobody takes alerts at {found.listening.url}. See {at.home.stack.log('intake')}")


def begun(journal: Journal, alert: int) -> str:
    """The incident that an alert opened or joined, once it has begun.

    Raises:
        NotTaken: it has not, in all that time.
    """
    until = time.monotonic() + BEGINS_WITHIN_S
    while time.monotonic() < until:
        kept = journal.alerts.get(alert)
        if kept and kept.incident and journal.read(kept.incident):
            return kept.incident
        time.sleep(LOOK_S)
    raise NotTaken(f"Alert {alert} is stored, and no incident has begun. `incident doctor` says what is in the way.")


def _incident(at: Here, journal: Journal, one: dict[str, Any]) -> dict[str, Any]:
    """The incident that was opened, and how it was withdrawn. What others opened is left alone."""
    kept = journal.alerts.get(one["alert"])
    runbook, environment = (kept.runbook, kept.environment) if kept else ("", "")
    became = {"runbook": runbook, "environment": environment, "incident": kept.incident if kept else ""}
    if one["opening"] is None or one["joined"] or not at.stack_is_up:
        return {**became, "verdict": "", "withdrawn": False}
    incident = begun(journal, one["alert"])
    return {**became, "incident": incident, "verdict": _withdraw(journal, incident), "withdrawn": True}


def _withdraw(journal: Journal, incident: str) -> str:
    try:
        handling.close(journal, incident, ACTOR, "Withdrawn: it was a sample.")
    except handling.Over:
        # It was over sooner: nothing was wrong.
        handling.note(journal, incident, ACTOR, "Withdrawn: it was a sample.")
    *_, last = follow(journal, incident, within_s=ENDS_WITHIN_S)
    return str(last.body.get("verdict", ""))


@contextlib.contextmanager
def _intake(at: Here, found: AlertSettings) -> Iterator[Intake]:
    intake = Intake(found, at.catalog, SecretStr(os.environ["INCIDENT_JOURNAL_URL"]), lambda: None)
    try:
        yield intake
    finally:
        intake.close()
