"""What a person is told to do, with what a letter of theirs needs: what was found, since when, what was done since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flows.case.case import Case, Fate
from flows.journal import kinds
from flows.told.show import named, shown
from runbooks.model import Manual
from tasks.excerpt import excerpt
from tasks.model import Finding, Row, Verdict

# A letter of more is read by nobody at the other end; the record has all of it.
MOST_ROWS = 5
SENTENCE, LINE = 600, 300
# Four blanks: what it holds is shown as it stands, whoever wrote it.
CODE = "    "


def instruction(case: Case, manual: Manual) -> str:
    """The words of `manual`, and under them what the checks found that it quotes: as recorded, to be copied."""
    lines = [line for asked in manual.quotes for line in _found(asked.name, case.diagnosed().get(asked))]
    if not lines:
        return manual.how
    opened = case.log.entries[0]
    since = f"since: {_moment(opened.at)} UTC, when this incident was opened"
    told = "\n".join(CODE + line for line in [since, *lines, *_done(case)])
    return f"{manual.how}\n\nFrom the record of this incident, to copy; nothing is sent by us:\n\n{told}"


def _found(name: str, finding: Finding | None) -> Iterator[str]:
    """Nothing of what is well, or was not asked about: it is no part of the letter."""
    if finding is None or finding.verdict is Verdict.OK:
        return
    yield f"{name}: {excerpt(finding.says, SENTENCE)}"
    if finding.facts:
        yield f"  {_line(finding.facts)}"
    yield from (f"  - {_line(row)}" for row in finding.rows[:MOST_ROWS])
    if len(finding.rows) > MOST_ROWS:
        yield f"  … and {len(finding.rows) - MOST_ROWS} more, in the record"


def _line(row: Row) -> str:
    told = [f"{named(name)}: {shown(name, value)}" for name, value in row.items() if value not in (None, "", [])]
    return excerpt("; ".join(told), LINE)


def _done(case: Case) -> Sequence[str]:
    steps = [entry.body for entry in case.log.entries if entry.is_a(kinds.Step)]
    done = [f"{body['title']}. {body['says']}" for body in steps if body["fate"] == Fate.APPLIED.value]
    return [f"done since: {excerpt(line, LINE)}" for line in done]


def _moment(at: str) -> str:
    return at[:16].replace("T", " ")
