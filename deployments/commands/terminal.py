"""What the terminal shows and asks. One console: it honours NO_COLOR, and plain lines where there is no terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.prompt import Prompt
from rich.table import Table
from rich.text import Text

from flows.case import now
from flows.gate import Answer, Decision, Question
from flows.journal import Entry
from flows.show import plain, story
from tasks.model import Verdict

console = Console()
errors = Console(stderr=True)

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.UNKNOWN: "magenta", Verdict.BAD: "bold red"}


def interactive() -> bool:
    """Is there a person at this terminal who can be asked?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def print_json(value: object) -> None:
    """For scripts: one JSON document on standard output and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def show_verdict(verdict: Verdict, says: str, remedy: str = "") -> None:
    """One finding as a line; what to do about it below."""
    console.print(Text.assemble((f"{verdict.name:>7}", COLOURS[verdict]), "  ", plain(says)))
    for line in remedy.splitlines():
        console.print(Text(f"         {plain(line)}", style="dim"))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(str(cell))) for cell in row))
    console.print(table)


def show_markdown(text: str) -> None:
    console.print(Markdown(text))


def show_entry(entry: Entry) -> None:
    """One journal entry as a person follows an incident."""
    body: Any = entry.body
    match entry.kind:
        case "finding":
            show_verdict(Verdict[body["verdict"]], body["says"], body["remedy"])
        case "asked":
            console.print(Text(f"waiting for approval: {plain(body['title'])}", style="bold"))
        case "answered":
            console.print(Text(f"{body['decision']} by {plain(body['name'])}: {plain(body['note'])}", style="bold"))
        case "closed":
            console.print(Text(plain(body["says"]), style="bold"))
        case _:
            said = body.get("says") or body.get("title") or ""
            console.print(Text(f"{entry.kind:>7}  {plain(str(said))}".rstrip(), style="dim"))


def ask_decision(question: Question, name: str | None = None) -> tuple[Decision, str, str]:
    """Show the plan and ask for decision, name and note."""
    show_markdown(story(question))
    decision = Decision(Prompt.ask("Decision", choices=[str(d) for d in Decision], console=console))
    name = name or Prompt.ask("Your name on the roster", default=os.environ.get("INCIDENT_APPROVER"), console=console)
    note = Prompt.ask("Why (kept in the record)", default="", show_default=False, console=console)
    return decision, name or "", note


class TerminalAsker:
    """The gate's way to ask when a run has no deployment: here and now, in this terminal."""

    def ask(self, question: Question) -> Answer | None:
        decision, name, note = ask_decision(question)
        return Answer(decision=decision, name=name, note=note, digest=question.digest, decided_at=now(), via="terminal")
