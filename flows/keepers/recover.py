"""Incidents nobody lives through any more are taken up again; gates whose time is over are woken.

1. An open incident whose lock is free, and whose run's state stays the same from one look to the next, is an orphan:
   its run is scheduled again, and reads the journal.
2. A run that died before it opened its incident is scheduled again too.
3. A gate past its expiry is woken the same way; the gate itself then records that nobody answered. So is one that
   somebody blocked with an answer of their own making, and one whose process died before its form was saved; they ask
   again. So is one that waits for the verdict of another incident, once that has ended.
4. A run cancelled or deleted in Prefect, or one of a terminal that is gone, closes its incident: nothing more is done.
5. A run that died right after it closed its incident is scheduled again, to tell Prefect how it ended.

Several of these may look at once. Whoever is second finds the entry written, or the lock taken, and leaves it so.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flows.case.case import Ending
from flows.case.leading import how_it_ended, waits_for
from flows.case.question import open_question
from flows.journal import AlreadyRecorded, Entry, HeldElsewhere, IncidentSummary, Journal, JournalBroken, Retired, kinds
from flows.run.clock import now
from runbooks.catalog import KINDS

# A run that dies this often without writing one entry dies of something a restart does not mend.
RESTARTS = 3
RECOVERER = "recover"
PATIENCE = {
    # Between this state and the incident's lock a process reads its configuration and the catalog.
    "RUNNING": timedelta(seconds=8),
    # Between this state and Running a worker starts a process, or a container.
    "PENDING": timedelta(seconds=60),
    # Between this state and its form there is one call to the server.
    "PAUSED": timedelta(seconds=8),
}
# Of the incidents that wait for an answer and were well at their last look, so many are looked at again whenever nobody
# says which were changed. The others are found by their state, and by when their time is over.
IN_TURN = 10
# So often Prefect is asked although nothing was changed by a request: its own loops change states, too.
ASKS_ANYWAY_S = 30.0
# What others wrote does not tell that the run got any further.
NO_PROGRESS = (
    kinds.Recovered,
    kinds.SeenAgain,
    kinds.AlertResolved,
    kinds.Notified,
    kinds.Note,
    kinds.Taken,
    kinds.Severity,
    kinds.Closing,
    kinds.Beside,
)


Seen = dict[str, tuple[UUID, float]]


@dataclass
class Recoverer:
    """Looks at all open incidents; remembers only what it saw at the last look."""

    journal: Journal
    say: Callable[[str], None]
    # The state a run had at the last look, and since when by our own steady clock.
    seen: Seen = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    # The suspended states whose form was seen.
    formed: set[UUID] = field(default_factory=set)
    # Those that wait, well at their last look, until when; who was looked at longest ago comes first.
    waiting: dict[str, datetime] = field(default_factory=dict)
    # Which of them wait for another incident's verdict, and for whose.
    leaders: dict[str, str] = field(default_factory=dict)
    # Which runs were changed in Prefect since this was asked last; None: any may have been.
    moved: Callable[[], set[str] | None] = lambda: None
    # When Prefect was asked about all, by our own steady clock; and what it was not asked about since it changed.
    asked_at: float = 0.0
    unasked: set[str] | None = None
    # Kept from look to look: making one reads every certificate authority there is, and was most of a look's work.
    client: Any = None

    def look(self) -> None:
        """One look. Meant to be repeated every few seconds."""
        from prefect.client.orchestration import get_client

        before, self.seen = self.seen, {}
        client = self.client or get_client(sync_client=True).__enter__()
        # Put back at the end only: after a look that failed the next begins afresh.
        self.client = None
        self._look(client, before)
        self.client = client

    def _look(self, client: Any, before: Seen) -> None:
        lived = self.journal.incidents(open_only=True, limit=1000)
        self._hear()
        for summary in self._in_turn(client, lived):
            if self.journal.is_held(summary.incident):
                # It goes on; dies its process, it must be found at the next look.
                self.waiting.pop(summary.incident, None)
            else:
                self._carefully(client, summary, before)
        if self.unasked or self.unasked is None or before:
            self._look_at_the_unopened(client, lived, before)
        if self.unasked is None:
            self.asked_at = time.monotonic()
        self.unasked = set()

    def _look_at_the_unopened(self, client: Any, lived: Sequence[IncidentSummary], before: Seen) -> None:
        for run in _unfinished(client, self.given_up | {summary.incident for summary in lived}):
            self._begin_or_finish(client, run, before)

    def _hear(self) -> None:
        """What may Prefect answer otherwise than at the last look? Asking it is most of what an idle stack costs.

        It stays unasked until a look has come to its end.
        """
        moved = self.moved()
        if self.unasked is None or moved is None or time.monotonic() - self.asked_at >= ASKS_ANYWAY_S:
            self.unasked = None
        else:
            self.unasked |= moved

    def _in_turn(self, client: Any, lived: Sequence[IncidentSummary]) -> list[IncidentSummary]:
        """Those to look at now: all, but of those that wait only whichever did not stay as it was.

        Where nobody says which those are, a few of them as well: that is how a deleted one is found.
        """
        still = {summary.incident for summary in lived}
        self.waiting = {incident: until for incident, until in self.waiting.items() if incident in still}
        rest = dict(itertools.islice(self.waiting.items(), IN_TURN if self.unasked is None else 0, None))
        at = now()
        self.leaders = {incident: leader for incident, leader in self.leaders.items() if incident in still}
        changed = {incident for incident, until in rest.items() if at > until}
        changed |= {incident for incident, leader in self.leaders.items() if leader not in still}
        changed |= _no_longer_paused(client, rest) if self.unasked is None else self.unasked
        return [summary for summary in lived if summary.incident in changed or summary.incident not in rest]

    def _carefully(self, client: Any, summary: IncidentSummary, before: Seen) -> None:
        """One incident that cannot be helped must not keep the others waiting."""
        from prefect.exceptions import ObjectNotFound

        try:
            self._consider(client, summary, before)
        except (HeldElsewhere, AlreadyRecorded, ObjectNotFound, JournalBroken, Retired) as error:
            self.say(f"{summary.incident}: left alone at this look. {error}")

    def _consider(self, client: Any, summary: IncidentSummary, before: Seen) -> None:
        incident = summary.incident
        self.waiting.pop(incident, None)
        run = _read(client, incident)
        if run is None:
            return self._close(incident, Ending.ABANDONED, "Its run was deleted in Prefect; nothing further is done.")
        state = run.state
        if state.is_cancelled():
            return self._close(incident, Ending.CANCELLED, "Cancelled in Prefect; nothing further is done.")
        if state.is_paused():
            return self._wake(client, run, before)
        if state.is_scheduled() or not self._left(run, before):
            return None
        if state.is_cancelling():
            return self._finish_cancelling(client, run)
        if run.deployment_id is None:
            return self._close(
                incident, Ending.ABANDONED, "The terminal it ran in is gone; open it again if it still hurts."
            )
        return self._restart(client, run)

    def _left(self, run: Any, before: Seen) -> bool:
        """Does nobody execute this run? A process that starts or ends just now has no lock either.

        A crash counts at the second look only: a worker may report it a second time (recoveries came in pairs under
        load), and that report would take back the new schedule.
        """
        state, since = before.get(str(run.id), (None, 0.0))
        same = state == run.state.id
        self.seen[str(run.id)] = run.state.id, since if same else time.monotonic()
        patience = PATIENCE.get(run.state.type.value, timedelta(0))
        # By Prefect's clock or by ours: with a clock that was set back the first alone would wait for ever.
        watched = timedelta(seconds=time.monotonic() - since)
        return same and bool(max(now() - run.state.timestamp, watched) > patience)

    def _wake(self, client: Any, run: Any, before: Seen) -> None:
        entries = self.journal.read(str(run.id))
        question, leader = open_question(entries), waits_for(entries)
        if question is not None and leader and how_it_ended(self.journal, leader):
            self.say(f"{run.id}: {leader}, for whose verdict it waited, has ended.")
            _schedule(client, run.id)
        elif question is not None and now() > question.expires_at:
            self.say(f"{run.id}: nobody answered {question.title!r} in time.")
            _schedule(client, run.id)
        elif question is not None and _blocked(run):
            self.say(f"{run.id}: an answer was written past the form; {question.title!r} is asked again.")
            _schedule(client, run.id)
        elif question is not None and self._lacks_form(run) and self._left(run, before):
            self.say(f"{run.id}: its process died before the form was there; {question.title!r} is asked again.")
            _schedule(client, run.id)
        elif question is not None and run.state.id in self.formed:
            self.waiting[str(run.id)] = question.expires_at
            self.leaders |= {str(run.id): leader} if leader else {}

    def _lacks_form(self, run: Any) -> bool:
        """Can nobody answer? Without its form the server refuses every answer. One that was seen stays."""
        from prefect.input.actions import read_flow_run_input

        if run.state.id in self.formed:
            return False
        keys = run.state.state_details.run_input_keyset
        if keys and read_flow_run_input(keys["schema"], flow_run_id=run.id) is None:
            return True
        self.formed.add(run.state.id)
        return False

    def _restart(self, client: Any, run: Any) -> None:
        entries = self.journal.read(str(run.id))
        if any(entry.key == "closed" for entry in entries):
            return None  # it ended while we looked
        if _restarts(entries) >= RESTARTS:
            says = f"Taken up again {RESTARTS} times without getting any further. Its run's log in Prefect says why."
            return self._close(str(run.id), Ending.ABANDONED, says)
        says = f"Its process was gone (Prefect says {run.state.name}); taken up again."
        self.journal.note(str(run.id), RECOVERER, f"recovered/{len(entries)}", kinds.Recovered(says=says))
        self.say(f"{run.id}: {says}")
        return _schedule(client, run.id)

    def _begin_or_finish(self, client: Any, run: Any, before: Seen) -> None:
        """Schedule a run again that died before its incident was on record, or after it was closed.

        The first, so that no alert is lost; the second, so that Prefect does not go on saying Running, or Crashed.
        """
        entries = self.journal.read(str(run.id))
        closed = any(entry.key == "closed" for entry in entries)
        if (entries and not closed) or self.journal.is_held(str(run.id)) or not self._left(run, before):
            return
        # There is no journal to count in; Prefect's own states have to do.
        tried = [state for state in client.read_flow_run_states(run.id) if state.name == "AwaitingRetry"]
        when = "after its incident was closed" if closed else "before it began"
        if len(tried) >= RESTARTS:
            self.given_up.add(str(run.id))
            self.say(f"{run.id}: died {RESTARTS} times, the last {when}; given up. Its log in Prefect says why.")
            return
        self.say(f"{run.id}: died {when} (Prefect says {run.state.name}); scheduled again.")
        _schedule(client, run.id)

    def _finish_cancelling(self, client: Any, run: Any) -> None:
        """Its worker died before it could stop the run: there is nothing left to stop."""
        from prefect.states import Cancelled

        self._close(str(run.id), Ending.CANCELLED, "Cancelled in Prefect; nothing further is done.")
        client.set_flow_run_state(run.id, Cancelled(), force=True)

    def _close(self, incident: str, ending: Ending, says: str) -> None:
        """Close it under its own lock: an executor that has just begun must not go on in a closed incident."""
        with self.journal.hold(incident) as log:
            half_done = list(_half_done(log.entries))
            said = " ".join([says, *half_done])
            # Nobody chose to leave it so, and nobody will go on: then everybody is told, not on-call alone.
            verdict = Ending.HALFWAY if half_done and ending is Ending.ABANDONED else ending
            log.append(RECOVERER, "closed", kinds.Closed(verdict=verdict.value, says=said))
        self.say(f"{incident}: {said}")


def _restarts(entries: Sequence[Entry]) -> int:
    """How often the run was taken up again since it last wrote something itself."""
    tried = 0
    for entry in reversed(entries):
        if not entry.is_a(*NO_PROGRESS):
            break
        tried += entry.is_a(kinds.Recovered)
    return tried


def _half_done(entries: Sequence[Entry]) -> Iterator[str]:
    """What a person has to look at by hand: steps that were begun, their outcome unknown."""
    keys = {entry.key for entry in entries}
    begun = {entry.key.partition("/intent/")[0]: entry.body["title"] for entry in entries if entry.is_a(kinds.Intent)}
    for step, title in begun.items():
        if not {f"{step}/outcome", f"{step}/closed"} & keys:
            yield f"“{title}” was begun, and nobody looked whether it happened: do that now."


def _unfinished(client: Any, known: set[str]) -> list[Any]:
    """Of today: the newest 200 runs that Prefect believes under way, or crashed, and of which no incident is open."""
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    died = [StateType.CRASHED, StateType.PENDING, StateType.RUNNING]
    runs = client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[kind.flow for kind in KINDS])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=died)),
            expected_start_time=FlowRunFilterExpectedStartTime(after_=now() - timedelta(days=1)),  # type: ignore[arg-type]
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        limit=200,
    )
    return [run for run in runs if run.deployment_id is not None and str(run.id) not in known]


def _no_longer_paused(client: Any, incidents: Iterable[str]) -> set[str]:
    """Which of these runs are in another state by now; some of them, if they are more than Prefect names at once."""
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    asked = [UUID(incident) for incident in incidents]
    if not asked:
        return set()
    others: list[StateType] = [kind for kind in StateType if kind is not StateType.PAUSED]
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            id=FlowRunFilterId(any_=asked), state=FlowRunFilterState(type=FlowRunFilterStateType(any_=others))
        ),
        limit=200,
    )
    return {str(run.id) for run in runs}


def _read(client: Any, incident: str) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_flow_run(UUID(incident))
    except (ObjectNotFound, ValueError):
        # ValueError: no run has such an id. Whoever wrote it must not keep us from all others.
        return None


def _blocked(run: Any) -> bool:
    """Is there an answer although nobody resumed the run? Then Prefect fails on every real one: the row is taken."""
    from prefect.input.actions import read_flow_run_input

    keys = run.state.state_details.run_input_keyset
    return bool(keys) and read_flow_run_input(keys["response"], flow_run_id=run.id) is not None


def _schedule(client: Any, run: UUID) -> None:
    from prefect.states import AwaitingRetry

    client.set_flow_run_state(run, AwaitingRetry(), force=True)
