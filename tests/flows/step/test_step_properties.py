"""Any mixture of answers, deaths and drift: only what was approved is done, each thing once, and it comes to an end.

A step is taken through plan, gate and act against a real journal. Its process may die at any entry it writes, before or
after, and in the middle of the act; what it acts on changes meanwhile, and is sometimes not to be seen.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pyotp
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pydantic import SecretStr

from flows.case.case import Case, Fate
from flows.case.question import Answer, Question
from flows.gate.proof import sign
from flows.journal import Entry, HeldLog, Journal, Redactor, broken
from flows.journal.body import Told
from flows.run.clock import now
from flows.step.act import Change
from flows.step.resolve import resolve
from runbooks.catalog import Catalogued
from tasks.action import Action
from tasks.environment import Environment
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied
from tests.flows.raw import Raw
from tests.flows.undeclared import UNDECLARED
from tests.histories import live_through

KEY = pyotp.random_hex(40)
PLACE = Environment.model_validate(
    {"name": "site", "kind": "production", "approvers": {"eve": {"roles": ["on-call"], "key": KEY}}}
)
# More entries than one life of a step writes.
MOST_WRITES = 9
FLAWS = ["unsigned", "signed otherwise", "another plan", "late", "stranger"]
numbers = itertools.count(1)


class Waits(BaseException):
    """The process has ended at its question."""


class Died(BaseException):
    """The process was killed."""


@dataclass
class Shop:
    """What is acted on: some lights that burn for nothing."""

    burning: set[int] = field(default_factory=lambda: {1, 2, 3})
    put_out: Counter[int] = field(default_factory=Counter)
    dark_glasses: bool = False
    # After so many lights of one act its process dies.
    dies_after: int | None = None


class PutOut(Action):
    """Put out the lights that burn for nothing."""

    undo = NoWayBack(loses="Light.")

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def plan(self) -> Plan:
        burning = sorted(self.shop.burning)
        return Plan(
            does=f"Put out {len(burning)} lights.",
            commands=tuple(Command(line=f"put out {light}", target={"light": light}) for light in burning),
            blast_radius=BlastRadius(touched=len(burning), total=9, noun="lights"),
            risk=Risk.MODERATE,
            loses="Light.",
        )

    def apply(self, plan: Plan) -> Outcome:
        for done, light in enumerate(lights(plan)):
            if done == self.shop.dies_after:
                raise Died
            self.shop.put_out[light] += 1
            self.shop.burning.discard(light)
        if self.shop.dies_after is not None:
            raise Died
        return Outcome(says="They are out.", complete=True)

    def applied(self, plan: Plan) -> bool | None:
        return None if self.shop.dark_glasses else not self.shop.burning & set(lights(plan))


def lights(plan: Plan) -> list[int]:
    return [int(str(command.target["light"])) for command in plan.commands]


class Machine(RuleBasedStateMachine):
    """One step, from its first plan to its end."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal
        self.incident = f"shop-{next(numbers)}"
        self.shop = Shop()
        self.fate: Fate | None = None
        self.approved: set[int] = set()
        self.new_lights = itertools.count(4)
        with journal.hold(self.incident) as log:
            log.append("prefect", "opened", Raw("opened", {"runbook": "x/y", "environment": "site", "parameters": {}}))

    @initialize(flaws=st.permutations([flaw for flaw in FLAWS if flaw != "late"]))
    def nobody_gets_past_the_gate(self, flaws: list[str]) -> None:
        for flaw in flaws:
            self.live(None, None, partial(self.answer, decision="approve", flaw=flaw))

    # What may happen --------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.fate is None)
    @rule(
        decision=st.sampled_from(["approve"] * 6 + ["skip", "reject"]),
        flaw=st.sampled_from([""] * 4 + FLAWS),
        dies_at=st.none() | st.integers(0, 2 * MOST_WRITES),
        dies_after=st.none() | st.integers(0, 3),
    )
    def somebody_answers(self, decision: str, flaw: str, dies_at: int | None, dies_after: int | None) -> None:
        self.live(dies_at, dies_after, lambda question: self.answer(question, decision, flaw))

    @precondition(lambda self: self.fate is None)
    @rule(dies_at=st.none() | st.integers(0, 2 * MOST_WRITES), dies_after=st.none() | st.integers(0, 3))
    def it_is_taken_up_again(self, dies_at: int | None, dies_after: int | None) -> None:
        self.live(dies_at, dies_after, None)

    @precondition(lambda self: self.fate is None)
    @rule(dies_after=st.integers(0, 2))
    def it_dies_in_the_act_while_more_is_left_on(self, dies_after: int) -> None:
        self.live(None, dies_after, lambda question: self.answer(question, "approve", ""))
        self.another_light_is_left_on()
        self.live(None, None, None)

    @rule()
    def another_light_is_left_on(self) -> None:
        self.shop.burning.add(next(self.new_lights))

    @precondition(lambda self: self.shop.burning)
    @rule(pick=st.integers(0, 9))
    def somebody_puts_one_out(self, pick: int) -> None:
        self.shop.burning.discard(sorted(self.shop.burning)[pick % len(self.shop.burning)])

    @rule(on=st.booleans())
    def it_can_or_cannot_be_seen(self, on: bool) -> None:
        self.shop.dark_glasses = on

    # One life ---------------------------------------------------------------------------------------------------------

    def live(self, dies_at: int | None, dies_after: int | None, reply: Callable[[Question], Answer] | None) -> None:
        """A process that may take one answer; it ends at the next question, at its death, or with the step."""
        self.shop.dies_after = dies_after
        replies = [reply] if reply else []

        class Asker:
            def ask(self, question: Question) -> Answer | None:
                if not replies:
                    raise Waits
                return replies.pop()(question)

        before = self.put_out()
        with self.journal.hold(self.incident) as log:
            mortal(log, dies_at)
            case = Case(
                incident=self.incident,
                catalogued=Catalogued(slug="x/y", runbook=UNDECLARED, module="", source=Path(), version="one"),
                environment=PLACE,
                journal=self.journal,
                log=log,
                redact=Redactor([]),
                asker=Asker(),
                say=lambda _text: None,
            )
            with suppress(Waits, Died):
                self.fate = resolve(case, Change(title="Put them out", action=PutOut(self.shop), reason="They burn."))
        self.check(before)

    def answer(self, question: Question, decision: str, flaw: str) -> Answer:
        at = question.expires_at + timedelta(seconds=1) if flaw == "late" else now()
        name = "mallory" if flaw == "stranger" else "eve"
        over = "skip!" if flaw == "signed otherwise" else decision
        if not flaw and decision == "approve":
            self.approved |= set(lights(question.plan))
        return Answer(
            decision=decision,
            name=name,
            note="",
            digest="another" if flaw == "another plan" else question.digest,
            decided_at=at,
            via="test",
            proof="" if flaw == "unsigned" else sign(SecretStr(KEY), question, over, name, "", at),
        )

    def put_out(self) -> set[int]:
        return set(self.shop.put_out)

    def check(self, before: set[int]) -> None:
        entries = self.journal.read(self.incident)
        assert broken(entries) is None
        # Nobody put out what nobody approved, nor anything twice.
        assert self.put_out() <= self.approved
        assert set(self.shop.put_out.values()) <= {1}
        # Nor anything that the record did not know of first.
        intended = [light for entry in entries if entry.kind == "intent" for light in intent(entry)]
        assert self.put_out() - before <= set(intended)
        assert sum(entry.key.endswith("/outcome") for entry in entries) <= 1

    def teardown(self) -> None:
        """Whatever happened: with a process that lives and a person who answers it comes to an end, and stays there."""
        for _ in range(8):
            if self.fate is None:
                self.live(None, None, lambda question: self.answer(question, "approve", ""))
        assert self.fate is not None
        done, fate = Counter(self.shop.put_out), self.fate
        self.live(None, None, None)
        assert (self.shop.put_out, self.fate) == (done, fate)


def intent(entry: Entry) -> list[int]:
    plan: Any = entry.body["plan"]
    return [int(command["target"]["light"]) for command in plan["commands"]]


def mortal(log: HeldLog, dies_at: int | None) -> None:
    """The process dies before (even) or after (odd) the entry of that number."""
    written = itertools.count()
    append = log.append

    def once(actor: str, key: str, told: Told) -> Entry:
        number = 2 * next(written)
        if number == dies_at:
            raise Died
        entry = append(actor, key, told)
        if number + 1 == dies_at:
            raise Died
        return entry

    log.append = once  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def desk(postgres18: Server, migrated: Roles) -> Iterator[Journal]:
    """Nothing here is a run of Prefect's: what is told it, or asked of it, is left out."""
    with copied(postgres18, migrated) as roles, pytest.MonkeyPatch.context() as patch:
        for told in (
            "flows.step.resolve.publish_plan",
            "flows.step.resolve.publish_step",
            "flows.step.act.ProgressBar",
        ):
            patch.setattr(told, lambda *_: None)
        patch.setattr("flows.step.act.go_on_only_if_wanted", lambda _case: None)
        yield roles.journal()


def test_it_does_what_was_approved_and_each_thing_once(desk: Journal) -> None:
    live_through(lambda: Machine(desk), histories=25, steps=14)
