"""The gate: the one place where a step waits for a person, and where the answer is checked.

1. `asked` is recorded with the plan, its digest and the moment it expires.
2. Somebody answers, through the Prefect UI, the API, the command line or this terminal. None of them decides.
3. `settle` checks the answer here, in the executing process, and records it as accepted or refused.
A refused answer changes nothing: the question is asked again and says why.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from flows.case import ENGINE, Case, now
from flows.journal import Entry
from flows.record import plan_body, plan_digest, plan_from
from tasks.environment import Environment, Role
from tasks.model import Plan, Risk, Row

# Who may decide, by what the plan can hurt. The highest risk is for people who answer for the database.
MAY_DECIDE: dict[Risk, frozenset[Role]] = {
    Risk.LOW: frozenset(Role),
    Risk.MODERATE: frozenset(Role),
    Risk.HIGH: frozenset({Role.SENIOR, Role.DBA, Role.MANAGER}),
}


class Decision(enum.StrEnum):
    """Approve: do exactly this plan. Skip: leave this step out. Reject: leave it out and stop the runbook."""

    APPROVE = "approve"
    SKIP = "skip"
    REJECT = "reject"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is asked."""

    incident: str
    environment: str
    key: str
    title: str
    reason: str
    plan: Plan
    digest: str
    expires_at: datetime
    refused: str = ""

    @property
    def pause_key(self) -> str:
        """Names this question in Prefect, which allows letters, digits and dashes; never used twice within a run."""
        return self.key.replace("/", "-")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody said. Nothing in it is believed before `refusal` has looked at it."""

    decision: str
    name: str
    note: str
    digest: str
    decided_at: datetime
    via: str


class Asker(Protocol):
    """A way to ask. It may end the process until an answer is there; None means there is none.

    An answer that is there already is returned even if its question has expired since: it was given in time or not,
    and `settle` sees which. An expired question is not asked again.
    """

    def ask(self, question: Question) -> Answer | None: ...


# A run without a deployment cannot be suspended; the command line puts its terminal here.
local_asker: ContextVar[Asker] = ContextVar("local_asker")


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A question that needs no more asking. `decision` is None when it expired: silence means do nothing."""

    decision: Decision | None
    by: str = ""
    note: str = ""


def settle(case: Case, key: str, title: str, reason: str, plan: Plan, *, refused: str = "") -> Settled | str:
    """Ask, and check the answer. Returns why it was refused if it was: ask again then, under another key."""
    answered = case.log.get(f"{key}/answered")
    if answered is None:
        asked = case.log.once(
            f"{key}/asked", kind="asked", actor=ENGINE, make=lambda: _asked(case, title, reason, plan, refused)
        )
        question = question_from(asked, case.environment.name)
        answered = _record(case, question, case.asker.ask(question))
    return _settled(answered)


def _asked(case: Case, title: str, reason: str, plan: Plan, refused: str) -> Row:
    body = plan_body(plan)
    return {
        "title": title,
        "reason": reason,
        "plan": body,
        "digest": plan_digest(case.catalogued.version, body),
        "expires_at": (now() + timedelta(seconds=case.environment.approval_expires_s)).isoformat(),
        "refused": refused,
    }


def _record(case: Case, question: Question, answer: Answer | None) -> Entry:
    key = f"{question.key}/answered"
    decided_at = answer.decided_at if answer else now()
    if decided_at > question.expires_at:
        said: Row = {"accepted": True, "decision": None, "note": "Nobody answered in time; nothing was done."}
        return case.record("expired", key, said)
    if answer is None:
        said = {"accepted": False, "refusal": "The run was started again without an answer."}
        return case.record("refused", key, said)
    complaint = refusal(answer, question, case.environment) or _changed(case, question)
    body: Row = {
        "accepted": not complaint,
        "refusal": complaint,
        "decision": answer.decision,
        "name": answer.name,
        "note": answer.note,
        "digest": question.digest,
        "decided_at": decided_at.isoformat(),
        "via": answer.via,
    }
    # The name is a claim until the answer was accepted: a refused one is recorded in the engine's name.
    actor = ENGINE if complaint else answer.name
    return case.log.append(actor, "refused" if complaint else "answered", key, body)


def _changed(case: Case, question: Question) -> str:
    """Why an answer no longer fits the runbook: a release came between the question and the answer."""
    if question.digest == plan_digest(case.catalogued.version, plan_body(question.plan)):
        return ""
    return "The runbook itself was changed since this was asked. Read the plan again, then answer."


def _settled(answered: Entry) -> Settled | str:
    body = answered.body
    if not body["accepted"]:
        return str(body["refusal"])
    if body["decision"] is None:
        return Settled(decision=None)
    return Settled(decision=Decision(str(body["decision"])), by=str(body["name"]), note=str(body["note"]))


def refusal(answer: Answer, question: Question, environment: Environment) -> str:
    """Why this answer does not count; empty if it does. Proof of identity and a quorum will be asked for here."""
    if answer.decision not in set(Decision):
        return f"{answer.decision!r} is no decision. Answer approve, skip or reject."
    person = environment.approvers.get(answer.name)
    if person is None:
        return (
            f"{answer.name!r} is not on the roster of {environment.name}. On it: {_names(environment.approvers)}. "
            f"Add people under [environments.{environment.name}.approvers]."
        )
    allowed = MAY_DECIDE[question.plan.risk]
    if answer.decision == Decision.APPROVE and not person.roles & allowed:
        return (
            f"{answer.name} ({_names(person.roles)}) may not approve a {question.plan.risk.name.lower()}-risk plan. "
            f"It takes one of: {_names(allowed)}."
        )
    if answer.digest != question.digest:
        return "The answer was given for another plan than the one shown here. Read this one, then answer again."
    return ""


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nobody"


def question_from(asked: Entry, environment: str) -> Question:
    """The question as it was recorded."""
    body = asked.body
    return Question(
        incident=asked.incident,
        environment=environment,
        key=asked.key.removesuffix("/asked"),
        title=str(body["title"]),
        reason=str(body["reason"]),
        plan=plan_from(body["plan"]),  # type: ignore[arg-type]
        digest=str(body["digest"]),
        expires_at=datetime.fromisoformat(str(body["expires_at"])),
        refused=str(body["refused"]),
    )


def open_question(entries: Iterable[Entry]) -> Question | None:
    """The question an incident waits at, if it waits."""
    recorded = {entry.key: entry for entry in entries}
    if "closed" in recorded:
        return None
    environment = str(recorded["opened"].body["environment"]) if "opened" in recorded else ""
    for key, entry in reversed(recorded.items()):
        if entry.kind == "asked" and f"{key.removesuffix('/asked')}/answered" not in recorded:
            return question_from(entry, environment)
    return None


def rounds(case: Case, key: str) -> Iterable[str]:
    """The keys under which a step asks, one after the other, from the first that is not behind us."""
    for n in itertools.count(1):
        ask = f"{key}/ask/{n}"
        answered = case.log.get(f"{ask}/answered")
        if case.log.get(f"{ask}/void") is None and (answered is None or answered.body["accepted"]):
            yield ask
