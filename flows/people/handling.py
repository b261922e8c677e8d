"""What people do with an incident besides deciding: take it over, note something, judge it anew, close it."""

from __future__ import annotations

import getpass

from flows.journal import AlreadyRecorded, Journal, kinds
from flows.journal.body import Told
from flows.run.trigger import cancel
from runbooks.model import Severity


class Over(Exception):
    """The incident is closed: nothing can be changed about it, only noted."""


def note(journal: Journal, incident: str, name: str, text: str) -> None:
    """Put `text` into the record, in this person's name.

    Raises:
        NoSuchIncident: there is no such incident.
    """
    _record(journal, incident, name, kinds.Note(says=text, login=getpass.getuser()))


def take(journal: Journal, incident: str, name: str, reason: str = "") -> None:
    """Say that this person handles it from now on.

    Raises:
        Over: it is closed.
    """
    _refuse_closed(journal, incident)
    says = f"{name} handles it from now on. {reason}".strip()
    _record(journal, incident, name, kinds.Taken(says=says, login=getpass.getuser()))


def judge(journal: Journal, incident: str, name: str, severity: Severity, reason: str) -> None:
    """Raise or lower the severity.

    Raises:
        Over: it is closed.
    """
    _refuse_closed(journal, incident)
    says = f"It is {severity} now: look {severity.meaning}. {reason}".strip()
    _record(journal, incident, name, kinds.Severity(severity=severity.value, says=says, login=getpass.getuser()))


def close(journal: Journal, incident: str, name: str, reason: str) -> None:
    """Close it whatever it waits for: its run is cancelled, and nothing is applied any more.

    Raises:
        Over: it is closed already.
    """
    _refuse_closed(journal, incident)
    says = f"{name} closes it. {reason}".strip()
    _record(journal, incident, name, kinds.Closing(says=says, login=getpass.getuser()))
    cancel(incident)


def _refuse_closed(journal: Journal, incident: str) -> None:
    if any(entry.is_a(kinds.Closed, kinds.Retired) for entry in journal.read(incident)):
        raise Over(f"Incident {incident[:8]} is closed. A note can still be added: incident note {incident[:8]} TEXT")


def _record(journal: Journal, incident: str, name: str, told: Told) -> None:
    # The name is a claim, so whoever is logged in on that machine is kept beside it.
    while True:
        # Each is a thing of its own, however many people write at once.
        key = f"person/{len(journal.read(incident)) + 1}"
        try:
            journal.note(incident, name, key, told)
        except AlreadyRecorded:
            continue
        return
