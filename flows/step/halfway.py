"""An undo that failed is an incident of its own kind: a system is left half-way, and somebody has to finish by hand.

The same incident goes on to tell it: the severity is raised, everybody on the ladder is told at once (escalate.py), and
the record holds what whoever comes needs: what was applied, what could not be taken back, with which commands, and what
each check says now.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.case.bodies import OLDER
from flows.case.case import ENGINE, Case, Ending, Fate, step_key
from flows.journal import kinds
from flows.life.diagnose import ask_all
from flows.step.undo import TAKE_BACK
from runbooks.model import Severity, Step
from tasks.environment import Kind
from tasks.model import Json, Row, Verdict

# A message is read on a phone; the record has them all.
COMMANDS_SAID = 5
BEGUN = {Fate.APPLIED, Fate.FAILED, Fate.CUT_SHORT}
UNDONE = {Fate.APPLIED, Fate.MOOT}


def ended(case: Case, undone: Mapping[str, Fate], ending: Ending, says: str) -> tuple[Ending, str]:
    """How it ended, after `undone` became of each offer to take a step back."""
    if not any(_failed(case, step, undone) for step in case.runbook.action_steps):
        return ending, says
    case.log.once("halfway/severity", ENGINE, lambda: _raised(case))
    left = case.log.once("halfway", ENGINE, lambda: _left(case, undone))
    return Ending.HALFWAY, f"{case.says(Ending.HALFWAY)} {left.body['says']}"


def _failed(case: Case, step: Step, undone: Mapping[str, Fate]) -> bool:
    """Was the step left half taken back? A person's no to an undo that never began is a decision, not a failure."""
    fate = undone.get(step.title)
    if fate is None or fate in UNDONE:
        return False
    begun = case.log.get(f"{_key(step)}/intent/1") is not None
    return begun or fate is Fate.FAILED or (fate is Fate.EXPIRED and case.fate(step.title) is Fate.FAILED)


def _key(step: Step) -> str:
    return step_key(f"{TAKE_BACK}{step.title}")


def _raised(case: Case) -> kinds.Severity:
    """Now, in production; within an hour elsewhere. Never lowered."""
    wanted = Severity.P0 if case.environment.kind is Kind.PRODUCTION else Severity.P1
    severity = min(wanted, Severity(case.severity)) if case.severity else wanted
    says = f"It is {severity} now: look {severity.meaning}. A step could not be taken back."
    return kinds.Severity(severity=severity.value, says=says)


def _left(case: Case, undone: Mapping[str, Fate]) -> kinds.LeftHalfway:
    steps = case.runbook.action_steps
    stays = [step for step in steps if case.fate(step.title) in BEGUN and undone.get(step.title) not in UNDONE]
    begun: list[Row] = [_closed(case, step_key(step.title)) for step in stays]
    failed: list[Row] = [
        {**_closed(case, _key(step)), **_commands(case, step)} for step in stays if step.title in undone
    ]
    looks: list[Row] = [
        {"check": asked.name, "verdict": finding.verdict.name, "says": finding.says}
        for asked, finding in ask_all(case, case.runbook.checks).items()
    ]
    return kinds.LeftHalfway(
        says=" ".join([*map(_told, failed), *_seen(looks), "The post-mortem has all of it."]),
        begun=begun,
        not_taken_back=failed,
        looks=looks,
    )


def _closed(case: Case, key: str) -> dict[str, Json]:
    entry = case.log.get(f"{key}/closed")
    return dict(entry.body) if entry else {}


def _commands(case: Case, step: Step) -> dict[str, Json]:
    """What was to take it back, as it was recorded last: what was begun, otherwise what was proposed."""
    key = _key(step)
    plans = [
        e for e in case.log.entries if e.is_a(kinds.Asked, kinds.Planned, kinds.Intent) and e.key.startswith(f"{key}/")
    ]
    begun = [e for e in plans if e.is_a(kinds.Intent)] or plans
    plan: Any = begun[-1].body["plan"] if begun else {"commands": []}
    lines: list[Json] = [str(command["line"]) for command in plan["commands"]]
    return {"commands": lines, "language": plan.get("language", OLDER)}


def _told(failed: Mapping[str, Any]) -> str:
    commands = failed["commands"]
    more = f" … and {len(commands) - COMMANDS_SAID} more" if len(commands) > COMMANDS_SAID else ""
    by_hand = f" By hand: {'; '.join(commands[:COMMANDS_SAID])}{more}." if commands else " It has no commands yet."
    return f"“{failed['title']}” {failed['fate']}: {failed['says']}{by_hand}"


def _seen(looks: list[Row]) -> list[str]:
    sick = [f"{look['verdict']} {look['says']}" for look in looks if look["verdict"] != Verdict.OK.name]
    return [f"Seen since: {' '.join(sick)}" if sick else "Seen since: all checks answer OK."]
