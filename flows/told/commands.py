"""The commands of a plan as people read them: all of a few; of hundreds their kinds, the first and the last."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from flows.told.words import cut, plain
from runbooks import markdown
from tasks.model import Command, Plan

# So many are read one by one; of more, an overview is read, and then some of them.
COMMANDS_SHOWN = 50
FIRST, LAST = 10, 5
KINDS = 8
COMMAND = 4_000
# A sentence is read on a phone.
NAMED = 5

# What differs between commands of one kind: what is quoted, and any word with a digit in it.
_OWN = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[\w.:-]*\d[\w.:-]*""")


def commands_lines(lines: Sequence[str], language: str, everything: str) -> list[str]:
    """Commands in Markdown, to the letter. `everything` says where all of them stand, if they are not all shown."""
    if len(lines) <= COMMANDS_SHOWN:
        return fenced(lines, language)
    return [
        f"**{len(lines):,} commands**, by kind:",
        "",
        *_table(lines),
        "",
        f"The first {FIRST}:",
        "",
        *fenced(lines[:FIRST], language),
        "",
        f"The last {LAST}:",
        "",
        *fenced(lines[-LAST:], language),
        "",
        f"All of them: {everything}.",
    ]


def fenced(lines: Sequence[str], language: str) -> list[str]:
    """Code to the letter; a fence longer than any within it."""
    shown = [plain(cut(line, COMMAND)) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    # A team's own word, which must not end the line or the fence.
    return [f"{fence}{language if language.isalnum() else ''}", *shown, fence]


def kinds(lines: Sequence[str]) -> list[tuple[str, int]]:
    """What kinds of commands these are, and how many of each, the most frequent first.

    Alike but for what is quoted or has a digit; if those are too many kinds, alike in their first words.
    """
    shapes = [_OWN.sub("…", line) for line in lines]
    found = Counter(shapes)
    for words in (4, 3, 2, 1):
        if len(found) <= KINDS:
            break
        found = Counter(_beginning(shape, words) for shape in shapes)
    rare = found.most_common()[KINDS:]
    others = [(f"{len(rare)} other kinds", sum(number for _, number in rare))] if rare else []
    return [*found.most_common(KINDS), *others]


def _beginning(shape: str, words: int) -> str:
    parts = shape.split()
    return f"{' '.join(parts[:words])} …" if len(parts) > words else " ".join(parts)


def moved(beyond: Sequence[Command], approved: Plan) -> str:
    """Commands that were not approved, in a sentence; one whose line was, is about something else by that name."""
    known = {command.line for command in approved.commands}
    told = [f"{c.line} (another one than was approved)" if c.line in known else c.line for c in beyond[:NAMED]]
    more = f" … and {len(beyond) - NAMED:,} more" if len(beyond) > NAMED else ""
    return f"{'; '.join(told)}{more}"


def _table(lines: Sequence[str]) -> list[str]:
    rows = [[f"{number:,}", markdown.code(plain(cut(kind, 300)))] for kind, number in kinds(lines)]
    return markdown.table(["how many", "what"], rows).splitlines()
