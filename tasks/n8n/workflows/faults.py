"""Ways to have a workflow run no more."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.fault import Fault
from tasks.model import Refused
from tasks.n8n.system import N8n
from tasks.n8n.workflows.expected import expected


@dataclass(frozen=True, kw_only=True)
class Switched:
    """The workflow that was deactivated, by its id."""

    n8n: N8n
    workflow: str


class DeactivateWorkflow(Fault):
    """Deactivate an expected workflow."""

    def cause(self, n8n: N8n) -> Switched:
        running = [one.workflow for one in expected(n8n) if one.workflow and not one.wrong]
        if not running:
            raise Refused("No expected workflow is active: there is none to deactivate.", remedy="Activate one first.")
        n8n.switch(running[0].id, on=False)
        return Switched(n8n=n8n, workflow=running[0].id)

    def cure(self, trouble: Switched) -> None:
        trouble.n8n.switch(trouble.workflow, on=True)
