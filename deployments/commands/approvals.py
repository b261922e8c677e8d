"""incident approve: what waits, and who decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from deployments.commands.context import here
from deployments.commands.terminal import (
    ask_decision,
    console,
    errors,
    interactive,
    print_json,
    show_markdown,
    show_table,
)
from flows.follow import follow
from flows.gate import Decision, Question, open_question
from flows.journal import Journal
from flows.record import plan_body
from flows.reply import reply
from flows.show import story

# Long enough to see the answer taken up by a worker, short enough to sit and wait for.
ANSWER_TAKEN_WITHIN_S = 60.0


def waiting(journal: Journal) -> Iterator[Question]:
    """Every question that is open now, oldest incident first."""
    for summary in reversed(journal.incidents(open_only=True, limit=1000)):
        question = open_question(journal.read(summary.incident))
        if question is not None:
            yield question


def approve(
    incident: str | None = None,
    *,
    decision: Decision | None = None,
    name: str | None = None,
    note: str = "",
    json: bool = False,
) -> int:
    """List what waits for approval; show a plan, and ask you.

    Parameters
    ----------
    incident
        The incident's id or its first characters. Left out: the one that waits, or a list.
    decision
        approve: do exactly the plan. skip: leave this step out. reject: leave it out and stop the runbook.
    name
        Your name as it stands on the roster.
    note
        Why, for the record.
    json
        Print what waits as JSON, and decide nothing.
    """
    journal = here().journal()
    questions = list(waiting(journal))
    if json:
        print_json([_as_json(question) for question in questions])
        return 0
    if incident is not None:
        found = journal.find(incident)
        questions = [question for question in questions if question.incident == found]
        if not questions:
            errors.print(
                f"Incident {found[:8]} waits for no approval. `incident timeline {found[:8]}` shows where it is."
            )
            return 1
    if not questions:
        console.print("Nothing waits for approval.")
        return 0
    if len(questions) > 1:
        _list(questions)
        return 0
    return _answer(journal, questions[0], decision, name, note)


def _answer(journal: Journal, question: Question, decision: Decision | None, name: str | None, note: str) -> int:
    if decision is None or name is None:
        if not interactive():
            _list([question])
            show_markdown(story(question))
            console.print(f"To answer: incident approve {question.incident[:8]} --decision approve --name YOU")
            return 0
        decision, name, note = ask_decision(question, name)
    reply(question, decision, name, note)
    return _taken(journal, question)


def _taken(journal: Journal, question: Question) -> int:
    """Wait for the run's own word on the answer: it may refuse it."""
    for entry in follow(journal, question.incident, within_s=ANSWER_TAKEN_WITHIN_S):
        if entry.key != f"{question.key}/answered":
            continue
        if entry.kind == "answered":
            console.print(f"Taken: {entry.body['decision']} by {entry.body['name']}.")
            return 0
        errors.print(f"Not taken: {entry.body.get('refusal') or entry.body.get('note')}", markup=False)
        return 1
    errors.print(f"Incident {question.incident[:8]} ended before it took the answer.")
    return 1


def _list(questions: list[Question]) -> None:
    rows = [
        (q.incident[:8], q.environment, q.title, str(q.plan.blast_radius), f"{q.expires_at:%H:%M} UTC")
        for q in questions
    ]
    show_table(["incident", "where", "step", "touches", "expires"], rows)
    console.print("incident approve ID shows the plan and asks you.")


def _as_json(question: Question) -> dict[str, object]:
    fields = {f.name: getattr(question, f.name) for f in dataclasses.fields(question)}
    return {**fields, "plan": plan_body(question.plan), "expires_at": question.expires_at.isoformat()}
