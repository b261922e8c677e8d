"""incident note, take, severity, close: what a person does with an incident besides deciding."""

from __future__ import annotations

import getpass

from deployments.commands.asking import usual_name
from deployments.commands.context import here
from deployments.commands.terminal import say
from flows import handling
from runbooks.model import Severity


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
    journal = here().journal()
    found = journal.find(incident)
    handling.note(journal, found, _who(name), text)
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
    journal = here().journal()
    found = journal.find(incident)
    handling.take(journal, found, _who(name), reason)
    return _done(found, f"{_who(name)} handles it from now on.")


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
    journal = here().journal()
    found = journal.find(incident)
    handling.judge(journal, found, _who(name), level, reason)
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
    journal = at.journal()
    found = journal.find(incident)
    handling.close(journal, found, _who(name), reason)
    return _done(found, "Its run is cancelled; the recoverer closes the record within seconds.")


def _who(name: str | None) -> str:
    return name or usual_name() or getpass.getuser()


def _done(incident: str, said: str) -> int:
    say(f"{said} incident timeline {incident[:8]}")
    return 0
