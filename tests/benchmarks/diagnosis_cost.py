"""What questions cost a loaded server: pgbench's throughput beside them, and the processor time of their backends."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck
from tasks.environment import Environment
from tasks.model import Finding
from tasks.postgres.system import PostgresServer
from tests.benchmarks.cost import metered
from tests.benchmarks.load import per_second, visitors
from tests.tasks.postgres.questions import again, ask

ALONE, WATCHED, PRESSED = "visitors alone", "beside the watches", "beside questions back to back"
ROUND_S = 8


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Transactions a second in each round, by condition; processor seconds of one answer, by question."""

    per_second: dict[str, list[float]]
    answer_cpu_s: dict[str, float]
    watches: list[tuple[str, float]]  # the question, and every how many seconds
    pressed_answers: list[int]
    pressed_cpu_s: list[float]

    def ratios(self, condition: str) -> list[float]:
        """Throughput against that of the same round alone."""
        return [
            with_it / alone for with_it, alone in zip(self.per_second[condition], self.per_second[ALONE], strict=True)
        ]

    @property
    def watched_share(self) -> float:
        """Of all the machine's processors, what the watches at their own pace take."""
        return sum(self.answer_cpu_s[name] / every_s for name, every_s in self.watches) / _processors()

    @property
    def pressed_share(self) -> float:
        return sum(self.pressed_cpu_s) / (len(self.pressed_cpu_s) * ROUND_S) / _processors()


def _processors() -> int:
    return os.cpu_count() or 1


def measure_cost(runbooks: Sequence[Catalogued], place: Environment, rounds: int) -> Cost:
    watches = [watch for entry in runbooks for watch in getattr(entry.runbook, "prevention", ())]
    questions = list({watch.check.name: watch.check for watch in watches}.values())
    cost = Cost(
        per_second={ALONE: [], WATCHED: [], PRESSED: []},
        answer_cpu_s=_answers(questions, place),
        watches=[(watch.check.name, watch.every.total_seconds()) for watch in watches],
        pressed_answers=[],
        pressed_cpu_s=[],
    )
    pause_s = 1 / sum(timedelta(seconds=1) / watch.every for watch in watches)
    for number in range(rounds):
        order = [ALONE, WATCHED, PRESSED]
        # Whoever is first has the emptier machine: take turns.
        for condition in order[number % 3 :] + order[: number % 3]:
            _round(cost, condition, questions, place, pause_s)
    return cost


def _answers(questions: Sequence[AnyCheck], place: Environment) -> dict[str, float]:
    """Asked under load, the second time: the first may only begin to count."""
    spent = {}
    with visitors(_postgres(place), seconds=600):
        for asked in questions:
            first = ask(asked, place)
            with metered() as meter:
                again(asked, place, first)
            spent[asked.name] = meter.cpu_s
    return spent


def _round(cost: Cost, condition: str, questions: Sequence[AnyCheck], place: Environment, pause_s: float) -> None:
    ended = threading.Event()
    pauses = {ALONE: None, WATCHED: pause_s, PRESSED: 0.0}
    answers: list[str] = []
    asker = threading.Thread(target=_ask_on, args=(questions, place, pauses[condition], ended, answers))
    with metered() as meter, visitors(_postgres(place), ROUND_S) as load:
        asker.start()
        cost.per_second[condition].append(per_second(load))
        ended.set()
        asker.join()
    if condition == PRESSED:
        cost.pressed_answers.append(len(answers))
        cost.pressed_cpu_s.append(meter.cpu_s)


def _ask_on(
    questions: Sequence[AnyCheck], place: Environment, pause_s: float | None, ended: threading.Event, answers: list[str]
) -> None:
    if pause_s is None:
        return
    earlier: dict[str, Finding] = {}
    for asked in itertools.cycle(questions):
        # Half a pause first: on average the next watch is due then.
        if ended.wait(pause_s / 2 if not answers else pause_s):
            return
        known = earlier.get(asked.name)
        earlier[asked.name] = again(asked, place, known) if known else ask(asked, place)
        answers.append(asked.name)


def _postgres(place: Environment) -> PostgresServer:
    postgres = place.systems["postgres"]
    assert isinstance(postgres, PostgresServer)
    return postgres
