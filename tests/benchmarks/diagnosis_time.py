"""How long questions take: each alone, and all of a runbook's at once through the incident flow."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flows.case.question import Answer, Question, local_asker
from flows.journal import Journal
from flows.run.clock import now
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck
from tasks.environment import Environment
from tests.tasks.postgres.questions import ask


@dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds: of each question alone, by name; of each runbook's whole diagnosis, by slug; one number a round.

    `beyond`: what a whole diagnosis took longer than the slowest of its questions did beside the others.
    """

    alone: dict[str, list[float]]
    whole: dict[str, list[float]]
    beyond: dict[str, list[float]]
    asks: dict[str, list[str]]

    def slowest(self, slug: str) -> float:
        """The median of the runbook's slowest question, asked alone."""
        return max(statistics.median(self.alone[name]) for name in self.asks[slug])

    def in_turn(self, slug: str) -> float:
        """What the runbook's questions would take one after the other; as much as the processors have to do."""
        return sum(statistics.median(self.alone[name]) for name in self.asks[slug])


# Until Prefect's server has written an incident down.
SETTLED_S = 2.0


def measure_time(runbooks: Sequence[Catalogued], place: Environment, journal: Journal, rounds: int) -> Took:
    asks = {entry.slug: [asked.name for asked in entry.runbook.first_asked] for entry in runbooks}
    questions = {asked.name: asked for entry in runbooks for asked in entry.runbook.first_asked}
    slugs: dict[str, list[float]] = {slug: [] for slug in asks}
    took = Took(alone={name: [] for name in questions}, whole=slugs, beyond=copy.deepcopy(slugs), asks=asks)
    # The first round warms caches up and is not counted.
    for number in range(rounds + 1):
        for name, asked in questions.items():
            seconds = _alone(asked, place)
            took.alone[name] += [seconds] if number else []
        for slug in asks:
            seconds, beyond = _whole(slug, place.name, journal)
            took.whole[slug] += [seconds] if number else []
            took.beyond[slug] += [beyond] if number else []
    return took


def _alone(asked: AnyCheck, place: Environment) -> float:
    began = time.monotonic()
    ask(asked, place)
    return time.monotonic() - began


def _whole(slug: str, environment: str, journal: Journal) -> tuple[float, float]:
    """From the moment the incident is opened to the last answer in its record; and how much of it is not its slowest
    question, as Prefect's UI shows that.
    """
    from flows.incident import incident

    token = local_asker.set(_Rejecting())
    try:
        state = incident(slug, environment, return_state=True)
    finally:
        local_asker.reset(token)
    entries = journal.read(str(state.state_details.flow_run_id))
    said = [entry.at for entry in entries if entry.key.startswith("diagnosis/")]
    whole = (datetime.fromisoformat(max(said)) - datetime.fromisoformat(entries[0].at)).total_seconds()
    # It does so behind the run, which must not fall into the next one's time.
    time.sleep(SETTLED_S)
    return whole, whole - _slowest_beside_the_others(UUID(str(state.state_details.flow_run_id)))


def _slowest_beside_the_others(incident_id: UUID) -> float:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[incident_id])))
    return max(run.total_run_time.total_seconds() for run in runs)


class _Rejecting:
    """Whatever is proposed: here it is only asked."""

    def ask(self, question: Question) -> Answer:
        return Answer(
            decision="reject", name="you", note="benchmark", digest=question.digest, decided_at=now(), via="benchmark"
        )
