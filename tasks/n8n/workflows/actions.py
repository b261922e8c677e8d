"""What can be done about workflows: activate exactly those that must run and do not, and take that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.n8n.system import N8n
from tasks.n8n.told import Workflow
from tasks.n8n.workflows.expected import expected

STARTS = (
    "Their triggers fire again from now on. What they missed meanwhile is not made up for by n8n; a schedule that "
    "finds a heap of work does all of it in its first run."
)

NONE = "No workflow needs it."


class Reactivate(Action):
    """Activate the expected workflows that are not active.

    Exactly those that the configuration names. One that is archived or gone is brought back by a person.
    """

    narrows = True

    def plan(self, n8n: N8n) -> Plan:
        asked = expected(n8n)
        there = [one.workflow for one in asked if one.workflow is not None and not one.workflow.archived]
        found = [one for one in there if not one.active]
        names = ", ".join(repr(one.name) for one in found)
        lost = [one.name for one in asked if one.workflow is None or one.workflow.archived]
        told = f" Not from here: {', '.join(map(repr, lost))}, archived or gone." if lost else ""
        does = f"Activate {names}. Ask first whether somebody switched them off on purpose." if found else NONE
        return _planned(n8n, does + told, found, on=True, total=len(asked), loses=STARTS)

    def apply(self, n8n: N8n, plan: Plan) -> Outcome:
        return _switched(n8n, plan, on=True)

    def applied(self, n8n: N8n, plan: Plan) -> bool | None:
        return _are_switched(n8n, plan, on=True)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Exactly those workflows can be deactivated again; what they have done since stays done."""
        return DeactivateAgain([str(planned.target["workflow"]) for planned in plan.commands])


class DeactivateAgain(Action):
    """Deactivate the workflows again."""

    narrows = True
    undo = NoWayBack(loses="Their triggers fire no more, as before; what they have done since stays done.")

    def __init__(self, workflows: Sequence[str]) -> None:
        self.workflows = tuple(workflows)

    def plan(self, n8n: N8n) -> Plan:
        there = _by_id(n8n)
        found = [there[name] for name in self.workflows if name in there and there[name].active]
        does = f"Deactivate {', '.join(repr(one.name) for one in found)} again." if found else NONE
        return _planned(n8n, does, found, on=False, total=len(self.workflows), loses=self.way_back)

    def apply(self, n8n: N8n, plan: Plan) -> Outcome:
        return _switched(n8n, plan, on=False)

    def applied(self, n8n: N8n, plan: Plan) -> bool | None:
        return _are_switched(n8n, plan, on=False)


def _planned(n8n: N8n, does: str, found: Sequence[Workflow], *, on: bool, total: int, loses: str) -> Plan:
    verb = "activate" if on else "deactivate"
    return Plan(
        does=does,
        commands=tuple(
            Command(line=f"POST {n8n.api}/workflows/{one.id}/{verb}  # {one.name}", target={"workflow": one.id})
            for one in found
        ),
        blast_radius=BlastRadius(touched=len(found), total=max(total, 1), noun="workflows"),
        risk=Risk.MODERATE if on else Risk.LOW,
        loses=loses,
        language="http",
    )


def _switched(n8n: N8n, plan: Plan, *, on: bool) -> Outcome:
    there = _by_id(n8n)
    left: list[Row] = []
    refused: list[Row] = []
    for target in (planned.target for planned in plan.commands):
        one = there.get(str(target["workflow"]))
        # Switched by somebody else: an undo must not switch it back.
        if one is None or one.active is on:
            left.append(target)
            continue
        try:
            n8n.switch(one.id, on=on)
        except Refused as error:
            left.append(target)
            refused.append({"workflow": one.name, "says": error.says})
    done = len(plan.commands) - len(left)
    says = f"{'Activated' if on else 'Deactivated'} {done} workflows; {len(left)} were left as they are."
    return Outcome(says=says, complete=not refused, rows=refused, not_done=left)


def _are_switched(n8n: N8n, plan: Plan, *, on: bool) -> bool:
    there = _by_id(n8n)
    found = [there.get(str(planned.target["workflow"])) for planned in plan.commands]
    return all(one is not None and one.active is on for one in found)


def _by_id(n8n: N8n) -> Mapping[str, Workflow]:
    return {one.id: one for one in n8n.workflows()}
