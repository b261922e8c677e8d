"""Findings and plans as the journal keeps them, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.model import BlastRadius, Command, Finding, Outcome, Plan, Risk, Row, Verdict, digest


def finding_body(finding: Finding) -> Row:
    return {
        "verdict": finding.verdict.name,
        "says": finding.says,
        "value": finding.value,
        "unit": finding.unit,
        "facts": finding.facts,
        "rows": list(finding.rows),
        "remedy": finding.remedy,
    }


def finding_from(body: Mapping[str, Any]) -> Finding:
    return Finding(**{**body, "verdict": Verdict[body["verdict"]]})


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
        "people": plan.people,
    }


def plan_from(body: Mapping[str, Any]) -> Plan:
    return Plan(
        does=body["does"],
        commands=tuple(Command(**command) for command in body["commands"]),
        blast_radius=BlastRadius(**body["blast_radius"]),
        risk=Risk[body["risk"]],
        loses=body["loses"],
        evidence=tuple(body["evidence"]),
        people=int(body.get("people", 1)),
    )


def outcome_body(outcome: Outcome) -> Row:
    return {"says": outcome.says, "complete": outcome.complete, "rows": list(outcome.rows)}


def plan_digest(version: str, title: str, reason: str, body: Row) -> str:
    """What an approval is bound to: the runbook's version, why it is asked, the effect, and the evidence as shown."""
    return digest({"runbook": version, "title": title, "reason": reason, "plan": body})
