"""What people see of findings and plans: the resume form's story, the artifacts, the lines of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.gate import Question
from runbooks.model import AnyCheck
from tasks.model import Finding, Plan, Row

# A form with a thousand rows is read by nobody; the journal keeps them all.
ROWS_SHOWN = 20
ROWS_AS_LISTS = 3


def story(question: Question) -> str:
    """The whole question in Markdown: what was found, exactly what will be done, how much, what cannot be undone."""
    refused = [f"> **The last answer did not count.** {question.refused}", ""] if question.refused else []
    return "\n".join(
        [
            *refused,
            f"## {question.title}?",
            "",
            f"**Found:** {plain(question.reason)}",
            "",
            *plan_lines(question.plan),
            "",
            f"Environment **{question.environment}** · expires **{question.expires_at:%Y-%m-%d %H:%M} UTC** "
            "(silence means: nothing is done) · plan "
            f"`{question.digest[:12]}`",
        ]
    )


def plan_lines(plan: Plan) -> list[str]:
    """A plan in Markdown."""
    return [
        f"**Will do:** {plain(plan.does)}",
        "",
        "```sql",
        *(plain(command.line) for command in plan.commands),
        "```",
        "",
        f"**Touches:** {plan.blast_radius}. **Risk:** {plan.risk.name.lower()}.",
        "",
        f"**Way back:** {plan.loses}",
        *(["", "**Seen when planning:**", "", *evidence_lines(plan.evidence)] if plan.evidence else []),
    ]


def evidence_lines(rows: Sequence[Row]) -> list[str]:
    """A few rows each as a list of its fields, which fits a form and a phone; many as one table."""
    if len(rows) > ROWS_AS_LISTS:
        return table(rows)
    lists = [
        table([{"": name, "seen": value} for name, value in row.items() if value not in (None, "")]) for row in rows
    ]
    return [line for part in lists for line in [*part, ""]]


def table(rows: Sequence[Row]) -> list[str]:
    """Rows as a Markdown table; a cell's pipes and line breaks cannot break out of it."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [_line(columns), _line(["---"] * len(columns))]
    lines += [_line([row.get(column) for column in columns]) for row in rows[:ROWS_SHOWN]]
    if len(rows) > ROWS_SHOWN:
        lines += ["", f"… and {len(rows) - ROWS_SHOWN} more."]
    return lines


def plain(text: str) -> str:
    """Text that cannot steer a terminal: an alert's or a query's control characters become visible."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: object) -> str:
    if isinstance(value, float):
        value = f"{value:,.1f}"
    text = "" if value is None else plain(str(value))
    for character in ("\\", "|", "`", "<", "[", "*", "_"):
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def findings_table(findings: Mapping[AnyCheck, Finding]) -> list[dict[str, Any]]:
    """The findings as rows of a Prefect table artifact, worst first."""
    ordered = sorted(findings.items(), key=lambda item: -item[1].verdict)
    return [
        {"verdict": finding.verdict.name, "question": asked.question, "answer": finding.says, "to do": finding.remedy}
        for asked, finding in ordered
    ]
