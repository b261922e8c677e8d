"""What the terminal shows: words wrapped and coloured where a person reads, one line for one thing in a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.commands.markdown import Page
from flows.told.words import plain
from tasks.model import Verdict

# NO_COLOR is honoured by rich. What we print is other people's text: nothing in it is markup.
console = Console(markup=False, highlight=False, emoji=False)
errors = Console(markup=False, highlight=False, emoji=False, stderr=True)
for one in (console, errors):
    # grep and less wrap by themselves, and a script needs whole lines.
    one.soft_wrap = not one.is_terminal

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.UNKNOWN: "magenta", Verdict.BAD: "bold red"}
# As wide as the longest word that stands before a line.
LABEL = len("broken off")


def interactive() -> bool:
    """Is there a person at this terminal who can be asked?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def print_json(value: object) -> None:
    """For scripts: one JSON document on standard output and nothing else."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def say(text: str) -> None:
    """One line as it is: a path, an address or a command that somebody will copy."""
    console.print(text, soft_wrap=True)


def show_line(label: str, says: str, style: str = "") -> None:
    """A word and what it says, which hangs below itself where it is too long for the terminal."""
    text = plain(says)
    if not console.is_terminal:
        console.print(f"{label:>{LABEL}}  {text}")
        return
    line = Table.grid(padding=(0, 2, 0, 0))
    line.add_column(width=LABEL, justify="right")
    line.add_column(overflow="fold")
    line.add_row(Text(label, style), Text(text, style if label not in Verdict.__members__ else ""))
    console.print(line)


def show_verdict(verdict: Verdict, says: str, remedy: str = "") -> None:
    """One finding as a line; what to do about it below, as it is to be copied."""
    show_line(verdict.name, says, COLOURS[verdict])
    for line in remedy.splitlines():
        console.print(Text(f"{'':{LABEL}}  {plain(line)}", style="cyan"), soft_wrap=True)


def complain(complaints: Iterable[object]) -> None:
    """Team files that cannot be used: on the way to the others, and never unsaid."""
    for complaint in complaints:
        errors.print(Text(f"BROKEN  {plain(str(complaint))}", style=COLOURS[Verdict.BAD]), soft_wrap=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, whole: int = 0) -> None:
    """The first `whole` columns hold what somebody will copy: they are never broken where the terminal is narrow."""
    cells = [[plain(str(cell)) for cell in row] for row in rows]
    if not console.is_terminal:
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        for row in (columns, *cells):
            said = "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
            console.print(said.rstrip())
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=n < whole)
    for row in cells:
        table.add_row(*map(Text, row))
    console.print(table)


def show_markdown(text: str) -> None:
    """A page; in a pipe its source, which is what a file or an issue wants."""
    if console.is_terminal:
        # What must not wrap may be wider than the terminal; it is not cut.
        console.print(Page(text), crop=False)
    else:
        console.print(text)
