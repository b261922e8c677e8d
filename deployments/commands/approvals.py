"""incident approve: what waits, and who decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from deployments.commands.asking import ask_decision, cannot_count, proof_of, usual_name
from deployments.commands.context import here
from deployments.commands.terminal import (
    console,
    errors,
    interactive,
    print_json,
    say,
    show_markdown,
    show_table,
)
from flows.case.bodies import plan_body
from flows.case.question import Decision, Question, open_question
from flows.gate.reply import reply
from flows.journal import Entry, Journal, kinds
from flows.told.follow import TookTooLong, follow
from flows.told.show import story
from flows.told.words import plain
from tasks.toml import InvalidConfig

# Long enough to see the answer taken up by a worker, short enough to sit and wait for.
ANSWER_TAKEN_WITHIN_S = 60.0
NEXT = {
    Decision.APPROVE: "It is looked at once more, then done and verified.",
    Decision.SKIP: "The step is left out; the runbook goes on.",
    Decision.REJECT: "The step is left out, and the runbook stops after a last look.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Waiting:
    """An open question. One asked in a terminal can be answered there only."""

    question: Question
    in_a_terminal: bool


def waiting(journal: Journal) -> Iterator[Waiting]:
    """Every question that is open now, oldest incident first."""
    for summary in reversed(journal.incidents(open_only=True, limit=1000)):
        entries = journal.read(summary.incident)
        question = open_question(entries)
        if question is not None:
            yield Waiting(question=question, in_a_terminal=not entries[0].body.get("deployment"))


def approve(
    incident: str | None = None,
    *,
    decision: Decision | None = None,
    name: str | None = None,
    note: str = "",
    code: str = "",
    commands: bool = False,
    json: bool = False,
) -> int:
    """Show what waits for approval, with the exact plan, and ask you. Nothing is done before somebody approves.

    Exit code 0 if your answer was taken, or if you only looked.

    Parameters
    ----------
    incident
        The incident's id or its first characters. Left out: the one that waits, or a list of several.
    decision
        approve: do exactly the plan. skip: leave this step out. reject: leave it out and stop the runbook.
    name
        Your name as it stands on the roster. Left out: INCIDENT_APPROVER.
    note
        Why, for the record.
    code
        The one-time code your authenticator shows. With INCIDENT_APPROVER_KEY set, your answer is signed instead.
    commands
        Print every command of the plan, one after the other, and decide nothing.
    json
        Print what waits as JSON, and decide nothing.
    """
    if (json or commands) and (decision or name):
        flag = "--json" if json else "--commands"
        errors.print(f"{flag} shows what waits and decides nothing: leave out --decision and --name.")
        return 2
    journal = here().journal()
    found = list(waiting(journal))
    if incident is not None:
        wanted = journal.find(incident)
        found = [one for one in found if one.question.incident == wanted]
    if json:
        print_json([_as_json(one.question) for one in found])
        return 0
    if not found:
        return _nothing(incident, decision)
    if len(found) > 1:
        _list(found)
        # A decision is about one plan; it was not taken.
        return 2 if decision else 0
    if commands:
        for command in found[0].question.plan.commands:
            say(plain(command.line))
        return 0
    return _one(journal, found[0], decision, name, note, code)


def _nothing(incident: str | None, decision: Decision | None) -> int:
    if incident is None:
        console.print("Nothing waits for approval.")
    else:
        errors.print(f"Incident {incident} waits for no approval. `incident timeline {incident}` shows where it is.")
    return 1 if incident or decision else 0


def _one(journal: Journal, found: Waiting, decision: Decision | None, name: str | None, note: str, code: str) -> int:
    question, short = found.question, found.question.incident[:8]
    if found.in_a_terminal:
        _list([found])
        errors.print(f"Incident {short} waits in the terminal where `incident run` was started. Answer it there.")
        return 1
    name = name or (usual_name() if decision else None)
    wrong = _wrong(journal, question)
    if decision is None or name is None:
        if not interactive():
            return _shown(question, decision)
        show_markdown(story(question))
        said = ask_decision(question, decision, name, note, code, wrong=wrong)
        reply(question, said.decision, said.name, said.note, said.proof)
    elif complaint := wrong(decision, name):
        errors.print(f"Not taken: {complaint}")
        return 1
    else:
        reply(question, decision, name, note, proof_of(question, decision, name, note, code))
    return _taken(journal, question)


def _wrong(journal: Journal, question: Question) -> Callable[[Decision, str], str]:
    """What would refuse an answer in a name, as far as it is known here: a code is used up by what is refused."""
    try:
        place = here().environment(question.environment)
    except InvalidConfig:
        return lambda _decision, _name: ""  # the stack is another folder's; the run itself judges
    return partial(cannot_count, question, place, journal.read(question.incident)[0])


def _shown(question: Question, decision: Decision | None) -> int:
    show_markdown(story(question))
    say("")
    say(f"To answer: incident approve {question.incident[:8]} --decision approve --name YOU --code 123456 --note WHY")
    if decision is None:
        return 0
    errors.print("Nothing was decided: --decision takes --name too, or INCIDENT_APPROVER.")
    return 2


def _taken(journal: Journal, question: Question) -> int:
    """Wait for the run's own word on the answer: it may refuse it."""
    short = question.incident[:8]
    try:
        answered = _answered(journal, question)
    except TookTooLong:
        errors.print(
            f"Handed in, but no worker has taken it up within {ANSWER_TAKEN_WITHIN_S:g} s. It counts as soon as one "
            "does. `incident doctor` says what is missing."
        )
        return 1
    if answered is None:
        errors.print(f"Incident {short} ended before it took the answer. `incident timeline {short}` says how.")
        return 1
    if not answered.is_a(kinds.Answered):
        errors.print(f"Not taken: {answered.body.get('refusal') or answered.body.get('note')}")
        say(f"It asks again: incident approve {short}")
        return 1
    decision = Decision(str(answered.body["decision"]))
    by_hand = decision is Decision.APPROVE and not question.plan.commands
    next_comes = "What you did is looked at now." if by_hand else NEXT[decision]
    console.print(f"Taken: {decision} by {answered.body['name']}. {next_comes}")
    say(f"Watch it: incident timeline {short} --live")
    return 0


def _answered(journal: Journal, question: Question) -> Entry | None:
    entries = follow(journal, question.incident, within_s=ANSWER_TAKEN_WITHIN_S)
    return next((entry for entry in entries if entry.key == f"{question.key}/answered"), None)


def _list(found: list[Waiting]) -> None:
    rows = [
        (
            one.question.incident[:8],
            one.question.environment,
            one.question.title,
            str(one.question.plan.blast_radius),
            f"{one.question.expires_at:%H:%M} UTC",
        )
        for one in found
    ]
    show_table(["incident", "where", "step", "touches", "expires"], rows)
    if len(found) > 1:
        say("incident approve ID shows the plan and asks you; the first characters of the id are enough.")


def _as_json(question: Question) -> dict[str, object]:
    fields = {f.name: getattr(question, f.name) for f in dataclasses.fields(question)}
    moments = {name: at.isoformat() for name, at in fields.items() if isinstance(at, datetime)}
    return {**fields, **moments, "plan": plan_body(question.plan)}
