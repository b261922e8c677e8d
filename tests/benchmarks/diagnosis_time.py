"""How long questions take: each alone, and all of a runbook's at once through the incident flow."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flows.case import now
from flows.journal import Journal
from flows.question import Answer, Question, local_asker
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck
from tasks.environment import Environment
from tests.tasks.postgres.questions import ask


@dataclass(frozen=True, kw_only=True)
class Took:
    """Seconds: of each question alone, by name; of each runbook's whole diagnosis, by slug; one number a round."""

    alone: dict[str, list[float]]
    whole: dict[str, list[float]]
    asks: dict[str, list[str]]

    def slowest(self, slug: str) -> float:
        """The median of the runbook's slowest question."""
        return max(statistics.median(self.alone[name]) for name in self.asks[slug])

    def in_turn(self, slug: str) -> float:
        """What the runbook's questions would take one after the other; as much as the processors have to do."""
        return sum(statistics.median(self.alone[name]) for name in self.asks[slug])


def measure_time(runbooks: Sequence[Catalogued], place: Environment, journal: Journal, rounds: int) -> Took:
    asks = {entry.slug: [asked.name for asked in entry.runbook.first_asked] for entry in runbooks}
    questions = {asked.name: asked for entry in runbooks for asked in entry.runbook.first_asked}
    took = Took(alone={name: [] for name in questions}, whole={slug: [] for slug in asks}, asks=asks)
    # The first round warms caches up and is not counted.
    for number in range(rounds + 1):
        for name, asked in questions.items():
            seconds = _alone(asked, place)
            took.alone[name] += [seconds] if number else []
        for slug in asks:
            seconds = _whole(slug, place.name, journal)
            took.whole[slug] += [seconds] if number else []
    return took


def _alone(asked: AnyCheck, place: Environment) -> float:
    began = time.monotonic()
    ask(asked, place)
    return time.monotonic() - began


def _whole(slug: str, environment: str, journal: Journal) -> float:
    """From the moment the incident is opened to the last answer in its record."""
    from flows.incident import incident

    token = local_asker.set(_Rejecting())
    try:
        state = incident(slug, environment, return_state=True)
    finally:
        local_asker.reset(token)
    entries = journal.read(str(state.state_details.flow_run_id))
    said = [entry.at for entry in entries if entry.key.startswith("diagnosis/")]
    return (datetime.fromisoformat(max(said)) - datetime.fromisoformat(entries[0].at)).total_seconds()


class _Rejecting:
    """Whatever is proposed: here it is only asked."""

    def ask(self, question: Question) -> Answer:
        return Answer(
            decision="reject", name="you", note="benchmark", digest=question.digest, decided_at=now(), via="benchmark"
        )
