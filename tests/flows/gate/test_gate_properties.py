"""Any sequence of answers, from anybody, with restarts and releases between: the gate does as another model says.

The model knows the policy in its own words, and nothing of the gate's code. The journal is real; the process that asks
ends at every question, and another one goes on from the record.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from pydantic import SecretStr

from flows.case.case import Case
from flows.case.question import Answer, Question
from flows.gate.proof import WRONG_CODES, sign
from flows.gate.settle import Settled, rounds, settle
from flows.journal import Journal, Redactor
from flows.run.clock import now
from runbooks.catalog import Catalogued
from tasks.environment import Environment
from tasks.model import BlastRadius, Command, Plan, Risk, Row
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied
from tests.flows.raw import Raw
from tests.flows.undeclared import UNDECLARED
from tests.histories import live_through

STEP = "step/end-it"
ROLES = {"ana": "on-call", "eve": "on-call", "zoe": "senior", "max": "dba", "kim": "manager", "bob": "senior"}
# bob has neither: in production nothing he says counts.
TOTP = {name: pyotp.random_base32() for name in ("ana", "zoe", "max")}
KEYS = {name: pyotp.random_hex(40) for name in ("eve", "kim")}
PROOFS = ("right", "wrong", "none", "replayed", "another's", "of another answer")
numbers = itertools.count(1)


class Waits(BaseException):
    """The process that asks has ended; whoever answers starts another one."""


@dataclass
class Model:
    """Who has approved what, by a policy written down a second time."""

    risk: Risk
    asked_for: tuple[str, str]  # how far it is known who asked, and the name
    extra: int  # what the environment asks for
    requester_may: bool
    approved: list[str] = field(default_factory=list)
    used: set[tuple[str, int]] = field(default_factory=set)
    wrong: dict[str, int] = field(default_factory=dict)

    @property
    def base(self) -> int:
        return max(2 if self.risk is Risk.HIGH else 1, self.extra)

    @property
    def people(self) -> int:
        return self.base + (1 if not self.requester_may and self.asked_for[0] == "claimed" else 0)

    def may_approve(self, name: str) -> bool:
        if not self.requester_may and self.asked_for == ("proved", name):
            return False
        return name in ROLES and not (self.risk is Risk.HIGH and ROLES[name] == "on-call")

    def heard(self, name: str) -> bool:
        return self.wrong.get(name, 0) < WRONG_CODES


class Machine(RuleBasedStateMachine):
    """One incident at its gate."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal
        self.number = next(numbers)
        self.release = 1
        self.incidents = 0

    @initialize(
        risk=st.sampled_from(Risk),
        how=st.sampled_from(["proved", "nobody", "claimed", "proved"]),
        who=st.sampled_from(["zoe", "kim", "eve", "max"]),
        extra=st.sampled_from([1, 2, 3]),
        requester_may=st.booleans(),
    )
    def opens(self, risk: Risk, how: str, who: str, extra: int, requester_may: bool) -> None:
        self.model = Model(risk=risk, asked_for=(how, who), extra=extra, requester_may=requester_may)
        self.plan = Plan(
            does="End it.",
            commands=(Command(line="SELECT 1", target={"pid": 1}),),
            blast_radius=BlastRadius(touched=1, total=9, noun="sessions"),
            risk=risk,
            loses="It.",
            people=2 if risk is Risk.HIGH else 1,
        )
        # What is known of codes is known over all incidents: each has people of its own.
        people: dict[str, Any] = {self.named(name): {"roles": [role]} for name, role in ROLES.items()}
        for name, totp in TOTP.items():
            people[self.named(name)]["totp"] = totp
        for name, key in KEYS.items():
            people[self.named(name)]["key"] = key
        self.place = Environment.model_validate(
            {
                "name": "site",
                "kind": "production",
                "approvers": people,
                "people": {risk.name.lower(): extra},
                "requester_may_approve": requester_may,
            }
        )
        self.another_incident()

    def another_incident(self) -> None:
        """With the same people, and whatever is known of their codes."""
        self.incidents += 1
        self.incident = f"incident-{self.number}-{self.incidents}"
        self.asked_in: dict[str, int] = {}
        self.over: Settled | None = None
        self.questions: list[Question] = []
        self.model.approved.clear()
        how, who = self.model.asked_for
        requester: Row = {"how": how, "name": self.named(who)}
        opening: Row = {"runbook": "x/y", "environment": "site", "severity": "P1", "reason": "", "requester": requester}
        with self.journal.hold(self.incident) as log:
            log.append("prefect", "opened", Raw("opened", opening))
        self.live(None)

    def named(self, name: str) -> str:
        return f"{name}-{self.number}" if name in ROLES else name

    def live(self, reply: Callable[[Question], Answer | None] | None) -> None:
        """A process that takes one answer, and ends at the next question."""
        replies = [reply] if reply else []
        machine = self

        class Asker:
            def ask(self, question: Question) -> Answer | None:
                machine.questions.append(question)
                machine.asked_in.setdefault(question.key, machine.release)
                assert question.approved_by == tuple(map(machine.named, machine.model.approved))
                assert question.people == machine.model.people
                if not replies:
                    raise Waits
                return replies.pop()(question)

        with self.journal.hold(self.incident) as log:
            case = Case(
                incident=self.incident,
                catalogued=Catalogued(
                    slug="x/y", runbook=UNDECLARED, module="", source=Path(), version=f"release {self.release}"
                ),
                environment=self.place,
                journal=self.journal,
                log=log,
                redact=Redactor([]),
                asker=Asker(),
                say=lambda _text: None,
            )
            refused = ""
            try:
                for ask in rounds(case, STEP):
                    settled = settle(case, ask, "End it", "It hangs.", self.plan, refused=refused)
                    if isinstance(settled, Settled):
                        self.over = settled
                        break
                    refused = settled
            except Waits:
                pass
        assert not replies, "the answer was taken by nobody"

    @precondition(lambda self: self.over is None)
    @rule(
        name=st.sampled_from([*sorted(ROLES), "mallory"]),
        decision=st.sampled_from(["approve"] * 5 + ["skip", "reject", "yes"]),
        proof=st.sampled_from(["right"] * 6 + list(PROOFS)),
        digest=st.sampled_from(["right"] * 6 + ["old", ""]),
        late=st.sampled_from([False] * 9 + [True]),
    )
    def answers(self, name: str, decision: str, proof: str, digest: str, late: bool) -> None:
        self.answer(name, decision, proof, digest, late)

    @precondition(lambda self: self.over is None and bool(self.model.used))
    @rule(decision=st.sampled_from(["approve", "skip", "reject"]), pick=st.integers(0, 9))
    def replays(self, decision: str, pick: int) -> None:
        """A code seen over a shoulder, or read in Prefect, of somebody who has used it already."""
        names = sorted({name for name, _ in self.model.used})
        self.answer(names[pick % len(names)], decision, "replayed")

    @precondition(lambda self: self.over is None)
    @rule(pick=st.integers(0, 9))
    def somebody_who_may_approves(self, pick: int) -> None:
        able = [name for name in ROLES if self.model.may_approve(name) and self.can_prove(name)]
        if able:
            self.answer(able[pick % len(able)], "approve", "right")

    @precondition(lambda self: self.over is None)
    @rule(pick=st.integers(0, 9), digest=st.sampled_from(["right", "right", "", "old"]))
    def somebody_approves_who_may_not_or_not_this(self, pick: int, digest: str) -> None:
        """But for that, nothing is wrong with the answer."""
        proving = [name for name in ROLES if self.can_prove(name)]
        fitting = [name for name in proving if self.model.may_approve(name) is (digest != "right")]
        if fitting:
            self.answer(fitting[pick % len(fitting)], "approve", "right", digest)

    @precondition(
        lambda self: self.over is None and not self.model.requester_may and self.model.asked_for[0] == "proved"
    )
    @rule()
    def whoever_asked_approves(self) -> None:
        if self.can_prove(self.model.asked_for[1]):
            self.answer(self.model.asked_for[1], "approve", "right")

    # Not at once: with it everything is over.
    @precondition(lambda self: self.over is None and len(self.questions) > 5)
    @rule(name=st.sampled_from(sorted(KEYS)))
    def somebody_answers_too_late(self, name: str) -> None:
        self.answer(name, "approve", "right", late=True)

    @precondition(lambda self: self.over is None and not self.model.wrong)
    @rule(name=st.sampled_from(sorted(TOTP)))
    def somebody_guesses_codes(self, name: str) -> None:
        for _ in range(WRONG_CODES):
            self.answer(name, "skip", "wrong")
        self.answer(name, "skip", "right")

    @precondition(lambda self: self.over is None and bool(self.model.approved))
    @rule(decision=st.sampled_from(["approve", "approve", "skip"]))
    def the_same_answers_again(self, decision: str) -> None:
        self.answer(self.model.approved[-1], decision, "right")

    def answer(self, name: str, decision: str, proof: str, digest: str = "right", late: bool = False) -> None:
        expected: list[str] = []

        def reply(question: Question) -> Answer:
            at = question.expires_at + timedelta(seconds=1) if late else now()
            given = Answer(
                decision=decision,
                name=self.named(name),
                note="",
                digest={"right": question.digest, "old": self.questions[0].digest, "": ""}[digest],
                decided_at=at,
                via="test",
                proof=self.proof(proof, name, decision, question, at),
            )
            expected.append(self.judged(given, name, proof, question, late))
            if expected[0] == "answered" and decision == "approve":
                self.model.approved.append(name)
            return given

        self.live(reply)
        key = next(q.key for q in reversed(self.questions[:-1] if self.over is None else self.questions))
        self.check(key, expected[0], decision)

    def proof(self, kind: str, name: str, decision: str, question: Question, at: Any) -> str:
        step = self.free_step(name, at)
        match kind:
            case "right" if name in KEYS:
                return sign(SecretStr(KEYS[name]), question, decision, self.named(name), "", at)
            case "right" if name in TOTP and step is not None:
                return pyotp.TOTP(TOTP[name]).generate_otp(step)
            case "replayed" if name in TOTP:
                used = [step for who, step in self.model.used if who == name]
                return pyotp.TOTP(TOTP[name]).generate_otp(max(used)) if used else ""
            case "another's":
                return pyotp.TOTP(TOTP["ana" if name != "ana" else "zoe"]).at(at)
            case "of another answer" if name in KEYS:
                return sign(SecretStr(KEYS[name]), question, "skip!", self.named(name), "", at)
            case "wrong":
                return "abcdef"
        return ""

    def free_step(self, name: str, at: Any) -> int | None:
        """A time step around `at` whose code this person has not used yet."""
        if name not in TOTP:
            return None
        around = pyotp.TOTP(TOTP[name]).timecode(at)
        return next((s for s in (around - 1, around, around + 1) if (name, s) not in self.model.used), None)

    def judged(self, given: Answer, name: str, proof: str, question: Question, late: bool) -> str:
        """What has to become of it. A code that fits is used up, one that does not is counted."""
        model = self.model
        if late:
            return "expired"
        approves = given.decision == "approve"
        if given.decision not in ("approve", "skip", "reject") or name not in ROLES:
            return "refused"
        if approves and (not model.may_approve(name) or name in model.approved):
            return "refused"
        if given.digest != question.digest or self.asked_in[question.key] != self.release:
            return "refused"
        if name in KEYS and given.proof.startswith("signed:"):
            return "answered" if proof == "right" else "refused"
        if name not in TOTP or not model.heard(name):
            return "refused"
        step = self.free_step(name, given.decided_at)
        if proof == "right" and step is not None:
            model.used.add((name, step))
            return "answered"
        if proof != "replayed" or not given.proof:
            model.wrong[name] = model.wrong.get(name, 0) + 1
        return "refused"

    def check(self, key: str, expected: str, decision: str) -> None:
        answered = next(e for e in self.journal.read(self.incident) if e.key == f"{key}/answered")
        assert answered.kind == expected, answered.body
        final = expected == "expired" or (expected == "answered" and decision != "approve")
        full = len(self.model.approved) >= self.model.people
        assert (self.over is not None) is (final or full)
        if self.over is not None and self.over.decision == "approve":
            self.approved_properly()

    def approved_properly(self) -> None:
        """What the whole gate is for."""
        assert self.over is not None
        assert self.over.by == tuple(map(self.named, self.model.approved))
        assert len(set(self.over.by)) >= self.model.people
        entries = {entry.key: entry for entry in self.journal.read(self.incident)}
        counted = [e for e in entries.values() if e.kind == "answered" and e.actor in self.over.by]
        digests = {
            str(e.body["digest"]) for e in counted if self.asked_in[e.key.removesuffix("/answered")] == self.release
        }
        assert len(digests) == 1

    @precondition(lambda self: self.over is None)
    @rule()
    def wakes_without_an_answer(self) -> None:
        self.live(lambda _question: None)
        assert self.over is None

    @precondition(lambda self: self.over is None)
    @rule()
    def restarts(self) -> None:
        before = len(self.journal.read(self.incident))
        self.live(None)
        assert len(self.journal.read(self.incident)) == before

    @precondition(lambda self: self.over is None and self.release < 6)
    @rule()
    def is_released_anew(self) -> None:
        """Whoever approved did so under an older text: everybody is asked again."""
        self.release += 1
        self.model.approved.clear()
        self.live(None)

    @precondition(lambda self: self.over is not None)
    @rule()
    def is_over(self) -> None:
        """Whoever takes it up again comes to the same end, and asks nobody. Then something else happens."""
        before, asked = self.over, len(self.questions)
        self.live(None)
        assert (self.over, len(self.questions)) == (before, asked)
        self.another_incident()

    def teardown(self) -> None:
        """No false refusal: whatever happened, people who may and can prove it get it approved."""
        if not hasattr(self, "model"):
            return
        for name in [*ROLES, *ROLES]:
            able = self.model.may_approve(name) and name not in self.model.approved
            if self.over is None and able and self.can_prove(name):
                self.answers_rightly(name)
        if self.over is None:
            left = [
                n for n in ROLES if self.model.may_approve(n) and n not in self.model.approved and self.can_prove(n)
            ]
            assert len(self.model.approved) < self.model.people
            assert not left

    def can_prove(self, name: str) -> bool:
        return name in KEYS or (name in TOTP and self.model.heard(name) and self.free_step(name, now()) is not None)

    def answers_rightly(self, name: str) -> None:
        stale = self.asked_in[self.questions[-1].key] != self.release
        if stale:
            # The first answer after a release is refused and the question asked anew.
            self.live(lambda _question: None)
        before = len(self.model.approved)
        self.answer(name, "approve", "right")
        assert len(self.model.approved) == before + 1


@pytest.fixture(scope="module")
def desk(postgres18: Server, migrated: Roles) -> Iterator[Journal]:
    with copied(postgres18, migrated) as roles:
        yield roles.journal()


def test_it_does_as_the_policy_says_whatever_comes(desk: Journal) -> None:
    live_through(lambda: Machine(desk), histories=18, steps=12)
