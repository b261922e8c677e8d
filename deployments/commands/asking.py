"""Asking a person at this terminal: the plan, then decision, name and note."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from rich.prompt import Prompt

from deployments.commands.terminal import console, show_line, show_markdown
from flows.case import now
from flows.gate import Answer, Decision, Question
from flows.show import story


def usual_name() -> str | None:
    """Who sits here, if they told their shell."""
    return os.environ.get("INCIDENT_APPROVER") or None


def ask_decision(
    decision: Decision | None = None, name: str | None = None, note: str = ""
) -> tuple[Decision, str, str]:
    """Ask for what was not given yet.

    Raises:
        KeyboardInterrupt: Ctrl-C, or Ctrl-D: whoever closes the input leaves.
    """
    try:
        if decision is None:
            decision = Decision(Prompt.ask("Decision", choices=[str(d) for d in Decision], console=console))
        while not name:
            name = Prompt.ask("Your name on the roster", default=usual_name(), console=console)
        note = note or Prompt.ask("Why (kept in the record)", default="", show_default=False, console=console)
    except EOFError:
        console.print()
        raise KeyboardInterrupt from None
    return decision, name, note


class TerminalAsker:
    """The gate's way to ask when a run has no deployment: here and now, in this terminal."""

    def __init__(self, silent: Callable[[], AbstractContextManager[None]]) -> None:
        self._silent = silent

    def ask(self, question: Question) -> Answer | None:
        with self._silent():
            console.print()
            show_markdown(story(question))
            if question.refused:
                # The story begins with it, and that may have left the screen.
                show_line("again", question.refused, "bold red")
            decision, name, note = ask_decision()
        return Answer(decision=decision, name=name, note=note, digest=question.digest, decided_at=now(), via="terminal")
