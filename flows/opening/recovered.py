"""A watch that answers OK again tells the incident that it opened: where nothing was begun, it looks, and closes.

Only of what nobody but our own watches and checklists asked for: of an alert that fires still, its source says when it
is over. And only what waits because of this very question: whoever is asked anew for another reason is only disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from flows.case.case import BY_HAND, step_key
from flows.case.leading import FOLLOW
from flows.case.question import open_question
from flows.journal import AlreadyRecorded, Entry, Journal, kinds
from flows.run.clock import now
from flows.run.trigger import wake
from runbooks.model import Declared
from tasks.model import Verdict

# Who opens incidents by looking.
LOOKERS = frozenset({"watch", "health"})
# What comes and goes would have people asked anew at every round.
AGAIN_AFTER = timedelta(minutes=30)


def tell(journal: Journal, incident: str, runbook: Declared, check: str, says: str) -> bool:
    """Have it look again, if it waits for a person on account of `check`, and only we ever saw the fault; was it?"""
    entries = journal.read(incident)
    if not _ours(entries) or check not in _waits_for(entries, runbook) or _told_lately(entries):
        return False
    with suppress(AlreadyRecorded):  # somebody else saw the same at this moment
        journal.note(incident, "watch", f"over/{len(entries)}", kinds.AlertResolved(says=says))
    return wake(incident)


def _ours(entries: Sequence[Entry]) -> bool:
    """Did nobody else ask for it, before or since?"""
    askers = {entry.actor for entry in entries if entry.is_a(kinds.Opened, kinds.SeenAgain)}
    return bool(askers) and askers <= LOOKERS


def _waits_for(entries: Sequence[Entry], runbook: Declared) -> set[str]:
    """The checks whose fault is what a person is asked about; none where several are, or where none is."""
    question = open_question(entries)
    if question is None:
        return set()
    for part in runbook.parts:
        if part.when and question.key.startswith(f"{step_key(part.title)}/"):
            return {part.when.name}
    called = {
        entry.key.removeprefix("diagnosis/")
        for entry in entries
        if entry.is_a(kinds.Finding) and entry.body["verdict"] == Verdict.BAD.name
    }
    by_us = not question.key.startswith((f"{step_key(BY_HAND)}/", f"{FOLLOW}/"))
    return set() if by_us or len(called) != 1 else called


def _told_lately(entries: Sequence[Entry]) -> bool:
    told = [datetime.fromisoformat(entry.at) for entry in entries if entry.is_a(kinds.AlertResolved)]
    return bool(told) and now() - told[-1] < AGAIN_AFTER
