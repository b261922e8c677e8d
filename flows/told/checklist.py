"""A checklist's verdict as people read it: whether anybody has to act, then what is not well, then what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.told.show import SENTENCE, said
from flows.told.words import cut, plain
from tasks.model import Verdict

# A message with more is read by nobody; the table has them all.
MOST = 20


def lines(checked: Mapping[str, Any], most: int = MOST) -> list[str]:
    """In Markdown."""
    ill = not_well(checked)
    return [
        f"**{said(checked['says'])}**",
        "",
        *(line for item in ill[:most] for line in _item(item)),
        *([f"- … and {len(ill) - most} more"] if len(ill) > most else []),
        *_changed(checked["changed"]),
        *_not_here(checked["not_here"]),
    ]


def not_well(checked: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The lines that are not OK, the worst first."""
    return [item for item in checked["items"] if item["verdict"] != Verdict.OK.name]


def rows(checked: Mapping[str, Any]) -> list[dict[str, str]]:
    """The table, worst first; what is otherwise than the last time says how it was."""
    was = {str(one["what"]): str(one["was"]) for one in checked["changed"]}
    return [
        {
            "verdict": str(item["verdict"]),
            "last time": was.get(str(item["what"]), ""),
            "answer": plain(cut(str(item["says"]), SENTENCE)),
            "to do": plain(cut(str(item["to_do"]), SENTENCE)),
            "question": str(item["what"]),
        }
        for item in checked["items"]
    ]


def _item(item: Mapping[str, Any]) -> Iterator[str]:
    to_do = f" {said(item['to_do'])}" if item["to_do"] else ""
    yield f"- **{item['verdict']}** {said(item['says'])}{to_do}"


def _changed(changed: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if changed:
        yield from ("", "Otherwise than the last time:", "")
        yield from (f"- {one['was']} → **{one['is']}** {said(one['says'])}" for one in changed)


def _not_here(kinds: Sequence[str]) -> Iterator[str]:
    if kinds:
        yield from ("", f"Not asked, because it is not configured here: {', '.join(kinds)}.")
