"""The door: what asks for an incident gets the open one, or a new one, and its run."""

from __future__ import annotations

import contextlib

from flows.gate.requester import announce, opening
from flows.journal import AlreadyRecorded, Asked, Journal, NoSuchIncident, Waiting, kinds
from flows.run.trigger import ended, trigger


def open_once(journal: Journal, asked: Asked) -> str:
    """The incident for this problem: the open one, or a new one. Two who ask at once get the same.

    Raises:
        NotPublished: the runbook has no deployment. What was asked for is recorded, and waits for it.
        JournalUnavailable: nothing is opened without the record.
    """
    found = journal.openings.ask(asked)
    if found.run and _seen_again(journal, found.run, asked):
        return found.run
    # New; or it has not begun. Whoever asked before us may not have created its run: it becomes the same one.
    return dispatch(journal, Waiting(opening=found.opening, asked=asked, attempt=found.attempt, run=found.run))


def dispatch(journal: Journal, waiting: Waiting) -> str:
    """The run of a recorded opening, created if there is none that may yet begin. As often as one likes: it is one run.

    Raises:
        NotPublished: the runbook has no deployment.
        JournalUnavailable, httpx.HTTPError: no record, or no Prefect; ask again later.
    """
    if waiting.run and not ended(waiting.run):
        return waiting.run
    asked, attempt = waiting.asked, waiting.attempt + 1
    token = announce(journal, asked.actor, opening(asked.runbook, asked.environment, asked.reason))
    parameters = {"environment": asked.environment, "reason": asked.reason, "requester": token}
    run = str(trigger(asked.runbook, parameters, idempotency_key=f"opening:{waiting.opening}:{attempt}"))
    journal.openings.dispatched(waiting.opening, attempt, run)
    return run


def _seen_again(journal: Journal, incident: str, asked: Asked) -> bool:
    """Note it there; False if the incident has not begun."""
    try:
        key = f"seen-again/{len(journal.read(incident))}"
        with contextlib.suppress(AlreadyRecorded):  # somebody else saw the same at this moment
            journal.note(incident, asked.actor, key, kinds.SeenAgain(says=asked.reason))
    except NoSuchIncident:
        return False
    return True
