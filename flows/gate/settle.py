"""The gate: the one place where a step waits for a person, and where the answer is checked.

1. `asked` is recorded with the plan, its digest and the moment it expires.
2. Somebody answers, through the Prefect UI, the API, the command line or this terminal. None of them decides.
3. `settle` checks the answer here, in the executing process, and records it as accepted or refused.
A refused answer changes nothing: the question is asked again and says why.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from flows.case.bodies import plan_body, plan_digest
from flows.case.case import ENGINE, Case
from flows.case.leading import FOLLOW
from flows.case.question import Answer, Decision, Question, question_from
from flows.case.standing import SCHEDULE
from flows.gate.proof import Claim, asked_for, unproved
from flows.gate.quorum import barred, explained, listed, may_decide, people_needed
from flows.gate.requester import NOBODY, Requester, recorded
from flows.journal import Entry, kinds
from flows.run.clock import now
from tasks.environment import Environment
from tasks.model import Plan

K = TypeVar("K", kinds.Asked, kinds.Planned)

# Said to whoever is asked again, after another look.
STILL_THERE = "Who alerted says that it is over; it was looked at again, and as far as can be seen it is not."
# Of what is asked for at once:
NOT_LOOKED_AT = "Who alerted says that it is over. Nothing was looked at yet; that comes next, done or skipped."
# Of what waited for another incident's verdict:
AFTER_THE_OTHER = "Nobody answered; it looks again."
# And to a second one: for the first one's approval nothing is looked at before the act.
LOOKED_AT_LATER = "Who alerted says that it is over; before anything is done, it is looked at again."


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A question that needs no more asking. `decision` is None when it expired: silence means do nothing."""

    decision: Decision | None
    by: tuple[str, ...] = ()
    note: str = ""


def settle(
    case: Case, key: str, title: str, reason: str, plan: Plan, *, refused: str = "", rule: str = ""
) -> Settled | str:
    """Ask until enough people have approved, or one has decided otherwise.

    Returns why the first answer was refused if it was, or why what was approved is void: ask again then, under another
    key. Those who are asked after somebody approved are asked for the same plan until their answer counts.

    Under a `rule`, a declaration's standing approval, nobody is asked; the plan and the rule are recorded.
    """
    ask = _ask(case, key, title, reason, plan)
    settled = ask.by_rule(key, rule) if rule else ask.once(key, (), refused)
    people = 1 if rule else people_needed(ask.plan, case.environment, asked_by(case))
    while isinstance(settled, Settled) and settled.decision is Decision.APPROVE:
        if released := _released(case, key):
            return released
        if len(settled.by) >= people:
            break
        settled = _another(_ask(case, key, title, reason, plan), key, settled)
    return settled


def _ask(case: Case, key: str, title: str, reason: str, plan: Plan) -> _Ask:
    """What is asked, or was: all who approve it approve the same."""
    asked = case.log.get(f"{key}/asked")
    if asked is None:
        return _Ask(case, title, reason, plan)
    question = question_from(asked, case.environment.name)
    return _Ask(case, question.title, question.reason, question.plan, question.seen_at)


def _another(ask: _Ask, key: str, before: Settled) -> Settled | str:
    """What one more person says to the plan that others have approved under `key`; or why their approval is void."""
    refused = ""
    for n in itertools.count(1):
        settled = ask.once(f"{key}/also/{len(before.by) + 1}/{n}", before.by, refused)
        if isinstance(settled, str):
            if released := _released(ask.case, key):
                return released
            refused = settled
        elif settled.decision is Decision.APPROVE:
            return replace(settled, by=(*before.by, *settled.by))
        else:
            return settled
    raise AssertionError("a count never ends")


@dataclass(frozen=True)
class _Ask:
    """A plan, and what people are told about it."""

    case: Case
    title: str
    reason: str
    plan: Plan
    # When what is shown was seen: by the second person's question, it may be a while ago.
    seen_at: datetime | None = None

    def once(self, key: str, approved_by: tuple[str, ...], refused: str) -> Settled | str:
        """Ask one person, and check the answer."""
        case = self.case
        answered = case.log.get(f"{key}/answered")
        if answered is None:
            asked = case.log.once(f"{key}/asked", ENGINE, lambda: self._question(kinds.Asked, approved_by, refused))
            question = question_from(asked, case.environment.name)
            answered = _record(case, question, case.asker.ask(question))
        return _settled(answered)

    def by_rule(self, key: str, rule: str) -> Settled | str:
        """Record what the declaration approved. Its kinds of entry tell it from anything a person could send."""
        log = self.case.log
        answered = log.get(f"{key}/answered")
        if answered is None:
            planned = log.once(f"{key}/asked", ENGINE, lambda: self._question(kinds.Planned, (), ""))
            approved = kinds.Standing(
                decision=Decision.APPROVE.value,
                name=SCHEDULE,
                note=rule,
                digest=str(planned.body["digest"]),
                decided_at=now().isoformat(),
                via="standing approval",
            )
            answered = log.append(SCHEDULE, f"{key}/answered", approved)
        return _settled(answered)

    def _question(self, kind: type[K], approved_by: tuple[str, ...], refused: str) -> K:
        case, body = self.case, plan_body(self.plan)
        # As they will be read back from the record: the digest is computed again from there.
        title, reason = case.redact.text(self.title), case.redact.text(self.reason)
        return kind(
            title=title,
            reason=reason,
            plan=body,
            digest=plan_digest(case.catalogued.version, title, reason, body),
            seen_at=self.seen_at.isoformat() if self.seen_at else "",
            expires_at=_expires(case).isoformat(),
            refused=refused,
            people=people_needed(self.plan, case.environment, asked_by(case)),
            quorum=explained(self.plan, case.environment, asked_by(case)),
            approved_by=list(approved_by),
            proof=asked_for(case.environment),
        )


def _expires(case: Case) -> datetime:
    """When silence begins to mean that nothing is done."""
    if within := case.runbook.answer_within:
        return datetime.fromisoformat(case.log.entries[0].at) + within
    expires = now() + timedelta(seconds=case.environment.approval_expires_s)
    # What is approved after the window's end could not be begun.
    return min(expires, case.standing.ends) if case.standing is not None else expires


def _record(case: Case, question: Question, answer: Answer | None) -> Entry:
    key = f"{question.key}/answered"
    decided_at = answer.decided_at if answer else now()
    if decided_at > question.expires_at:
        silence = "Nobody answered in time; nothing was done."
        return case.record(key, kinds.Expired(decision=None, note=silence))
    if answer is None:
        return case.record(key, kinds.Refused(refusal=_woken(case, question)))
    complaint = (
        refusal(answer, question, case.environment, asked_by(case))
        or _changed(case, question)
        # Last: a code that fits is used up.
        or _unproved(case, question, answer)
    )
    said = {
        "decision": answer.decision,
        "name": answer.name,
        "note": answer.note,
        "digest": question.digest,
        "decided_at": decided_at.isoformat(),
        "via": answer.via,
    }
    # The name is a claim until the answer was accepted: a refused one is recorded in the engine's name.
    if complaint:
        return case.record(key, kinds.Refused(refusal=complaint, **said))
    return case.log.append(answer.name, key, kinds.Answered(**said))


def _woken(case: Case, question: Question) -> str:
    """Why the run goes on although nobody answered."""
    if question.key.startswith(f"{FOLLOW}/"):
        return AFTER_THE_OTHER
    if not case.told_over(case.log.get(f"{question.key}/asked")):
        return "The run was started again without an answer."
    if not case.diagnosed():
        return NOT_LOOKED_AT
    return LOOKED_AT_LATER if question.approved_by else STILL_THERE


def _released(case: Case, key: str) -> str:
    """Why what was approved is void: a release came between the approval and the act, or between two people's."""
    asked = case.log.get(f"{key}/asked")
    changed = _changed(case, question_from(asked, case.environment.name)) if asked else ""
    if changed:
        case.log.once(f"{key}/void", ENGINE, lambda: kinds.Void(says=changed))
    return changed


def _changed(case: Case, question: Question) -> str:
    """Why an answer no longer fits the runbook: a release came between the question and the answer."""
    version, plan = case.catalogued.version, plan_body(question.plan)
    if question.digest == plan_digest(version, question.title, question.reason, plan):
        return ""
    return "The runbook itself was changed since this was asked. Read the plan again, then answer."


def _unproved(case: Case, question: Question, answer: Answer) -> str:
    person = case.environment.approvers[answer.name]
    claim = Claim(question=question, answer=answer, person=person, kind=case.environment.kind)
    return unproved(claim, case.journal)


def _settled(answered: Entry) -> Settled | str:
    body = answered.body
    if not body["accepted"]:
        return str(body["refusal"])
    if body["decision"] is None:
        return Settled(decision=None)
    return Settled(decision=Decision(str(body["decision"])), by=(str(body["name"]),), note=str(body["note"]))


def refusal(answer: Answer, question: Question, environment: Environment, requester: Requester = NOBODY) -> str:
    """Why this answer cannot count, whoever gave it; empty if it can."""
    if answer.decision not in set(Decision):
        return f"{answer.decision!r} is no decision. Answer approve, skip or reject."
    person = environment.approvers.get(answer.name)
    if person is None:
        return (
            f"{answer.name!r} is not on the roster of {environment.name}. On it: {listed(environment.approvers)}. "
            f"Add people under [environments.{environment.name}.approvers]."
        )
    allowed = may_decide(question.plan.risk, environment)
    if answer.decision == Decision.APPROVE and not person.roles & allowed:
        return (
            f"{answer.name} ({listed(person.roles)}) may not approve a {question.plan.risk.name.lower()}-risk plan. "
            f"It takes one of: {listed(allowed)}."
        )
    if answer.decision == Decision.APPROVE and barred(answer.name, environment, requester):
        return f"{answer.name} asked for this incident; it takes {question.people} who did not."
    # Whoever approved may still say no, as long as others are asked.
    if answer.decision == Decision.APPROVE and answer.name in question.approved_by:
        return f"{answer.name} approved already; it takes {question.people} different people."
    if answer.digest != question.digest:
        return "The answer was given for another plan than the one shown here. Read this one, then answer again."
    return ""


def asked_by(case: Case) -> Requester:
    """Who asked for the incident, as it was recorded when it was opened, whatever was edited since."""
    return recorded(case.log.get("opened"))


def rounds(case: Case, key: str) -> Iterable[str]:
    """The keys under which a step asks, one after the other, from the first that is not behind us."""
    for n in itertools.count(1):
        ask = f"{key}/ask/{n}"
        answered = case.log.get(f"{ask}/answered")
        if case.log.get(f"{ask}/void") is None and (answered is None or answered.body["accepted"]):
            yield ask
