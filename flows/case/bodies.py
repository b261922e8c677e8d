"""Findings and plans as the journal keeps them, and back again.

The journal keeps canonical JSON, whose names are sorted: the database computes the hash again from the very text. So
the order of the columns, which a query chose for its reader, is kept beside the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.journal import kinds
from tasks.model import BlastRadius, Command, Finding, Outcome, Plan, Risk, Row, Verdict, digest

# What every plan was shown as, before a plan said in which language it is.
OLDER = "sql"


def found_by(finding: Finding) -> kinds.Finding:
    return kinds.Finding(
        verdict=finding.verdict.name,
        says=finding.says,
        value=finding.value,
        unit=finding.unit,
        facts=finding.facts,
        rows=list(finding.rows),
        columns=_columns(finding.rows),
        remedy=finding.remedy,
    )


def looked(check: str, finding: Finding) -> kinds.Look:
    """The same of a check that was asked again."""
    return kinds.Look(check=check, **vars(found_by(finding)))


def finding_body(finding: Finding) -> Row:
    return found_by(finding).body()


def finding_from(body: Mapping[str, Any]) -> Finding:
    fields = {name: value for name, value in body.items() if name != "columns"}
    return Finding(**{**fields, "verdict": Verdict[body["verdict"]], "rows": _in_order(body["rows"], body)})


def plan_body(plan: Plan) -> Row:
    return {
        "does": plan.does,
        "commands": [{"line": c.line, "target": c.target} for c in plan.commands],
        "blast_radius": {
            "touched": plan.blast_radius.touched,
            "total": plan.blast_radius.total,
            "noun": plan.blast_radius.noun,
        },
        "risk": plan.risk.name,
        "loses": plan.loses,
        "evidence": list(plan.evidence),
        "columns": _columns(plan.evidence),
        "people": plan.people,
        "language": plan.language,
    }


def plan_from(body: Mapping[str, Any]) -> Plan:
    return Plan(
        does=body["does"],
        commands=tuple(Command(**command) for command in body["commands"]),
        blast_radius=BlastRadius(**body["blast_radius"]),
        risk=Risk[body["risk"]],
        loses=body["loses"],
        evidence=tuple(_in_order(body["evidence"], body)),
        people=int(body.get("people", 1)),
        language=str(body.get("language", OLDER)),
    )


def outcome_body(outcome: Outcome) -> Row:
    return {
        "says": outcome.says,
        "complete": outcome.complete,
        "rows": list(outcome.rows),
        "not_done": list(outcome.not_done),
    }


def outcome_from(body: Mapping[str, Any]) -> Outcome:
    """An older release did not record what was left alone."""
    return Outcome(
        says=body["says"],
        complete=body["complete"],
        rows=tuple(body["rows"]),
        not_done=tuple(body.get("not_done", ())),
    )


def plan_digest(version: str, title: str, reason: str, body: Row) -> str:
    """What an approval is bound to: the runbook's version, why it is asked, the effect, and the evidence as shown.

    In whichever order its columns stand, and whatever its fence says: what an older release asked does not tell.
    """
    shown = {name: part for name, part in body.items() if name not in ("columns", "language")}
    return digest({"runbook": version, "title": title, "reason": reason, "plan": shown})


def _columns(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(column for row in rows for column in row))


def _in_order(rows: Sequence[Row], body: Mapping[str, Any]) -> list[Row]:
    """The rows with their columns in the recorded order; an older release recorded none."""
    columns = body.get("columns", ())
    return [{**{column: row[column] for column in columns if column in row}, **row} for row in rows]
