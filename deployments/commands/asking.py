"""Asking a person at this terminal: the plan, then decision, name, note and one-time code."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pydantic import SecretStr
from rich.prompt import Prompt

from deployments.commands.entries import Narrator
from deployments.commands.terminal import console, show_line, show_markdown
from flows.case.question import Answer, Decision, Question
from flows.gate.proof import sign
from flows.gate.requester import recorded, sign_opening
from flows.gate.settle import refusal
from flows.journal import Entry
from flows.run.clock import now
from flows.told.show import story
from tasks.environment import Environment
from tasks.model import Row


def usual_name() -> str | None:
    """Who sits here, if they told their shell."""
    return os.environ.get("INCIDENT_APPROVER") or None


def who(name: str | None) -> str:
    """Who does it: as was said, or as their shell or their login has it."""
    return name or usual_name() or getpass.getuser()


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person answers, and what proves that it is this person."""

    decision: Decision
    name: str
    note: str
    proof: str


def cannot_count(question: Question, place: Environment, opened: Entry, decision: Decision, name: str) -> str:
    """Why an answer in this name could not count, whatever else is said; empty if it may. The gate looks at all."""
    answer = Answer(
        decision=decision, name=name, note="", digest=question.digest, decided_at=now(), via="terminal", proof=""
    )
    return refusal(answer, question, place, recorded(opened))


def ask_decision(
    question: Question,
    decision: Decision | None = None,
    name: str | None = None,
    note: str = "",
    code: str = "",
    *,
    wrong: Callable[[Decision, str], str],
) -> Said:
    """Ask for what was not given yet; for another name at once where `wrong` says why that one cannot count.

    Raises:
        KeyboardInterrupt: Ctrl-C, or Ctrl-D: whoever closes the input leaves.
    """
    try:
        if decision is None:
            decision = Decision(Prompt.ask("Decision", choices=[str(d) for d in Decision], console=console))
        name = name or _name()
        while complaint := wrong(decision, name):
            show_line("again", complaint, "bold red")
            name = _name()
        note = note or Prompt.ask("Why (kept in the record)", default="", show_default=False, console=console)
        if question.proof and not code and usual_key() is None:
            code = Prompt.ask("One-time code", default="", show_default=False, console=console)
    except EOFError:
        console.print()
        raise KeyboardInterrupt from None
    return Said(decision=decision, name=name, note=note, proof=proof_of(question, decision, name, note, code))


def _name() -> str:
    while not (name := Prompt.ask("Your name on the roster", default=usual_name(), console=console)):
        continue
    return name


def usual_key() -> SecretStr | None:
    """What signs the answers of whoever sits here, if they told their shell."""
    key = os.environ.get("INCIDENT_APPROVER_KEY")
    return SecretStr(key) if key else None


def proof_of(question: Question, decision: Decision, name: str, note: str, code: str) -> str:
    """The code that was given; without one, a signature with the key of whoever sits here."""
    key = usual_key()
    return code if code or key is None else sign(key, question, decision, name, note, now())


def said_by(name: str, asked: Row) -> str:
    """Who asks for what is about to be opened, signed if whoever sits here has a key."""
    key = usual_key()
    return sign_opening(key, name, asked, now()) if name and key is not None else name


class TerminalAsker:
    """The gate's way to ask when a run has no deployment: here and now, in this terminal."""

    def __init__(self, narrator: Narrator, place: Environment) -> None:
        self._narrator = narrator
        self._place = place

    def ask(self, question: Question) -> Answer | None:
        with self._narrator.silent():
            console.print()
            show_markdown(story(question))
            if question.refused:
                # The story begins with it, and that may have left the screen.
                show_line("again", question.refused, "bold red")
            opened = self._narrator.shown[0]
            said = ask_decision(question, wrong=partial(cannot_count, question, self._place, opened))
        return Answer(
            decision=said.decision,
            name=said.name,
            note=said.note,
            digest=question.digest,
            decided_at=now(),
            via="terminal",
            proof=said.proof,
        )
