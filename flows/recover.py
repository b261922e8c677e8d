"""Incidents nobody lives through any more are taken up again; gates whose time is over are woken.

1. An open incident whose lock is free, seen so twice, is an orphan: its run is scheduled again, and reads the journal.
2. A gate past its expiry is woken the same way; the gate itself then records that nobody answered.
3. A run cancelled or deleted in Prefect, or one of a terminal that is gone, closes its incident: nothing more is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flows.case import Ending, now
from flows.gate import open_question
from flows.journal import Entry, IncidentSummary, Journal

# A run that dies this often without writing one entry dies of something a restart does not mend.
RESTARTS = 3
RECOVERER = "recover"


@dataclass
class Recoverer:
    """Looks at all open incidents; remembers only what it saw at the last look."""

    journal: Journal
    say: Callable[[str], None]
    seen_free: set[str] = field(default_factory=set)

    def look(self) -> None:
        """One look. Meant to be repeated every few seconds."""
        from prefect.client.orchestration import get_client

        free: set[str] = set()
        with get_client(sync_client=True) as client:
            for summary in self.journal.incidents(open_only=True, limit=1000):
                if not self.journal.is_held(summary.incident):
                    free.add(summary.incident)
                    self._consider(client, summary)
        self.seen_free = free

    def _consider(self, client: Any, summary: IncidentSummary) -> None:
        incident = summary.incident
        run = _read(client, incident)
        if run is None:
            return self._close(incident, Ending.ABANDONED, "Its run was deleted in Prefect; nothing further is done.")
        state = run.state
        if state.is_cancelled():
            return self._close(incident, Ending.CANCELLED, "Cancelled in Prefect; nothing further is done.")
        if state.is_scheduled() or state.is_pending() or state.is_cancelling():
            return None
        entries = self.journal.read(incident)
        if state.is_paused():
            return self._wake(client, run, entries)
        if incident not in self.seen_free:
            return None
        if run.deployment_id is None:
            return self._close(
                incident, Ending.ABANDONED, "The terminal it ran in is gone; open it again if it still hurts."
            )
        return self._restart(client, run, entries)

    def _wake(self, client: Any, run: Any, entries: tuple[Entry, ...]) -> None:
        question = open_question(entries)
        if question is not None and now() > question.expires_at:
            self.say(f"{run.id}: nobody answered {question.title!r} in time.")
            _schedule(client, run.id)

    def _restart(self, client: Any, run: Any, entries: tuple[Entry, ...]) -> None:
        tried = 0
        for entry in reversed(entries):
            if entry.kind != "recovered":
                break
            tried += 1
        if tried >= RESTARTS:
            says = f"Taken up again {RESTARTS} times without getting any further. Its run's log in Prefect says why."
            return self._close(str(run.id), Ending.ABANDONED, says)
        says = f"Its process was gone (Prefect says {run.state.name}); taken up again."
        self.journal.note(str(run.id), RECOVERER, "recovered", f"recovered/{len(entries)}", {"says": says})
        self.say(f"{run.id}: {says}")
        return _schedule(client, run.id)

    def _close(self, incident: str, ending: Ending, says: str) -> None:
        self.say(f"{incident}: {says}")
        self.journal.note(incident, RECOVERER, "closed", "closed", {"verdict": ending.value, "says": says})


def _read(client: Any, incident: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_flow_run(UUID(incident))
    except ObjectNotFound:
        return None


def _schedule(client: Any, run: UUID) -> None:
    from prefect.states import AwaitingRetry

    client.set_flow_run_state(run, AwaitingRetry(), force=True)
