"""incident note, take, severity, close: what a person does with an incident besides deciding."""

from __future__ import annotations

import contextlib

from deployments.commands.asking import who
from deployments.commands.context import Here, UnknownEnvironment, here
from deployments.commands.terminal import say
from flows.journal import Journal
from flows.people import handling
from runbooks.model import Severity
from tasks.toml import InvalidConfig


def note(incident: str, text: str, *, name: str | None = None) -> int:
    """Add a note to an incident's record; closed ones take notes too.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    text
        What is to be remembered.
    name
        Who says so. Left out: INCIDENT_APPROVER, or your login.
    """
    journal, found = _record_of(here(), incident)
    handling.note(journal, found, who(name), text)
    return _done(found, "Noted.")


def take(incident: str, reason: str = "", *, name: str | None = None) -> int:
    """Take an incident over: from now on you handle it.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    reason
        Why, for the record.
    name
        Who takes it. Left out: INCIDENT_APPROVER, or your login.
    """
    journal, found = _record_of(here(), incident)
    handling.take(journal, found, who(name), reason)
    return _done(found, f"{who(name)} handles it from now on.")


def severity(incident: str, level: Severity, reason: str, *, name: str | None = None) -> int:
    """Raise or lower an incident's severity.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    level
        P0 now, P1 within an hour, P2 within four hours, P3 within a day.
    reason
        Why, for the record.
    name
        Who says so. Left out: INCIDENT_APPROVER, or your login.
    """
    journal, found = _record_of(here(), incident)
    handling.judge(journal, found, who(name), level, reason)
    return _done(found, f"It is {level} now.")


def close(incident: str, reason: str, *, name: str | None = None) -> int:
    """Close an incident whatever it waits for. Its run is cancelled; nothing is applied any more.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    reason
        Why, for the record.
    name
        Who closes it. Left out: INCIDENT_APPROVER, or your login.
    """
    at = here()
    at.require_stack()
    journal, found = _record_of(at, incident)
    handling.close(journal, found, who(name), reason)
    return _done(found, "Its run is cancelled; the recoverer closes the record within seconds.")


def _record_of(at: Here, incident: str) -> tuple[Journal, str]:
    """The journal that knows the secrets of the incident's environment, and its whole id: people paste things."""
    journal = at.journal()
    found = journal.find(incident)
    place = str(journal.read(found)[0].body.get("environment", ""))
    # Whoever does not have that environment's secrets here cannot paste them either.
    with contextlib.suppress(InvalidConfig, UnknownEnvironment):
        journal = at.journal(at.environment(place))
    return journal, found


def _done(incident: str, said: str) -> int:
    say(f"{said} incident timeline {incident[:8]}")
    return 0
