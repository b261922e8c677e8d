"""What people see of findings and plans: the resume form's story, the artifacts, the lines of the log.

Every word may come from outside (an alert, a query, a session's name), so each is shown as it stands: it can neither
steer a terminal nor end the sentence, cell or code block it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flows.case.leading import FOLLOW
from flows.case.question import Question
from flows.told.commands import commands_lines
from flows.told.words import cut, plain
from runbooks import markdown
from runbooks.model import AnyCheck
from tasks.model import Finding, Json, Plan, Row

# A form with a thousand rows is read by nobody; the journal keeps them all, and every character of them.
ROWS_SHOWN = 20
ROWS_AS_LISTS = 3
SENTENCE = 2_000
CELL = 300

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def story(question: Question) -> str:
    """The whole question in Markdown: where, what was found, exactly what will be done, how much, what is lost."""
    expires = f"**{question.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC**"
    waits = question.key.startswith(f"{FOLLOW}/")
    refused = [f"> **The last answer did not count.** {said(question.refused)}", ""] if question.refused else []
    return "\n".join(
        [
            *refused,
            f"### {said(question.title)}?",
            "",
            f"In **{said(question.environment)}** · {_seen(question)}"
            + (f"it waits until {expires}, then it goes on by itself." if waits else _until(expires)),
            *_people(question),
            "",
            f"**Found:** {said(question.reason)}",
            "",
            *(
                [markdown.block(plain(question.plan.does))]
                if waits
                else plan_lines(question.plan, f"`incident approve {question.incident[:8]} --commands`")
            ),
            "",
            f"Plan {markdown.code(question.digest[:12])}",
        ]
    )


def _until(expires: str) -> str:
    return f"answer until {expires}; without an answer nothing is done."


def _seen(question: Question) -> str:
    return f"seen {question.seen_at.astimezone(UTC):%H:%M:%S} UTC · " if question.seen_at else ""


def _people(question: Question) -> list[str]:
    so_far = f" Approved so far by {said(', '.join(question.approved_by))}." if question.approved_by else ""
    takes = ["", f"**It takes {question.people} different people.**{so_far}"] if question.people > 1 else []
    return [*takes, *(["", said(question.quorum)] if question.quorum else [])]


def plan_lines(plan: Plan, everything: str = "`incident timeline ID --json`") -> list[str]:
    """A plan in Markdown. One without commands is what a person does by hand, and then signs off.

    `everything` says where all commands stand, if they are too many to be shown.
    """
    if not plan.commands:
        told = markdown.block(plain(plan.does))
        return [f"**By hand:** {told}", "", "Nothing is done by us: approve when it is done."]
    return [
        f"**Will do:** {said(plan.does)}",
        "",
        *commands_lines([command.line for command in plan.commands], plan.language, everything),
        "",
        f"**Touches:** {said(str(plan.blast_radius))}. **Risk:** {plan.risk.name.lower()}.",
        "",
        f"**Way back:** {said(plan.loses)}",
        *(["", "**Seen when planning:**", "", *evidence_lines(plan.evidence)] if plan.evidence else []),
    ]


def evidence_lines(rows: Sequence[Row]) -> list[str]:
    """A few rows each as a list of its fields, which fits a form and a phone; many as one table."""
    if len(rows) > ROWS_AS_LISTS:
        return table(rows)
    lists = [
        table([{"": named(name), "seen": shown(name, value)} for name, value in row.items() if value not in (None, "")])
        for row in rows
    ]
    return [line for part in lists for line in [*part, ""]]


def table(rows: Sequence[Row], most: int = ROWS_SHOWN) -> list[str]:
    """Rows as a Markdown table, the first `most` of them."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[said(shown(column, row.get(column)), CELL) for column in columns] for row in rows[:most]]
    lines = markdown.table([said(named(column)) for column in columns], cells).splitlines()
    hidden = len(rows) - len(cells)
    return [*lines, "", f"… and {hidden} more."] if hidden else lines


def named(name: str) -> str:
    """A field's name as words: its unit stands with the value."""
    return name.removesuffix("_s").replace("_", " ")


def shown(name: str, value: Json) -> str:
    """A field's value as a person reads it. The house writes seconds as `…_s`, and moments as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return lasted(value) if name.endswith("_s") else f"{value:.10g}"
    if isinstance(value, str):
        return moment(value) if _MOMENT.fullmatch(value) else value
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {shown(key, part)}" for key, part in value.items())
    return ", ".join(shown(name, part) for part in value)


def moment(at: str) -> str:
    """An ISO 8601 moment to the second, in UTC."""
    return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def lasted(seconds: float) -> str:
    """A duration, rounded to what a person remembers."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def said(text: str, limit: int = SENTENCE) -> str:
    """A sentence from outside, as Markdown that shows it as it was written."""
    return markdown.text(plain(cut(text, limit)))


def findings_lines(findings: Mapping[AnyCheck, Finding]) -> list[str]:
    """The findings as a Markdown list, worst first."""
    return [f"- **{finding.verdict.name}** {said(finding.says)}" for _, finding in _worst_first(findings)]


def findings_table(findings: Mapping[AnyCheck, Finding]) -> list[dict[str, Any]]:
    """The findings as rows of a Prefect table artifact, worst first."""
    return [
        {
            "verdict": finding.verdict.name,
            "answer": plain(cut(finding.says, SENTENCE)),
            "to do": plain(cut(finding.remedy, SENTENCE)),
            "question": asked.question,
        }
        for asked, finding in _worst_first(findings)
    ]


def worsened(verified: Mapping[str, Any]) -> str:
    """What got worse, of a verification as the journal keeps it; an older release did not record it."""
    worse = [f"{one['is']} (was {one['was']}) {one['says']}" for one in verified.get("worse", ())]
    return f"Got worse: {' '.join(worse)}" if worse else ""


def _worst_first(findings: Mapping[AnyCheck, Finding]) -> list[tuple[AnyCheck, Finding]]:
    return sorted(findings.items(), key=lambda item: -item[1].verdict)
