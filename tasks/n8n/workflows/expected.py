"""The workflows that must run: found by name or id among those that are there, and what each last did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.model import Refused
from tasks.n8n.system import N8n
from tasks.n8n.told import Execution, State, Workflow

# Of one workflow's newest runs: a wait that ends late has an older id than what began since.
NEWEST = 20


@dataclass(frozen=True, kw_only=True)
class Expected:
    """A workflow that the configuration names; `workflow` is None where no such one is there."""

    name: str
    allowed_s: float
    workflow: Workflow | None

    @property
    def wrong(self) -> str:
        """Why it cannot run; empty where it is active."""
        if self.workflow is None:
            return "is not there"
        if self.workflow.archived:
            return "is archived"
        return "" if self.workflow.active else "is not active"


@dataclass(frozen=True, kw_only=True)
class LastRuns:
    """When it last succeeded, and when it last failed; None: not among what n8n keeps."""

    success: datetime | None
    failure: datetime | None
    goes_on: bool


def expected(n8n: N8n) -> list[Expected]:
    """Those of the configuration, each looked for; of several of one name the active one.

    Raises:
        Refused: the configuration names none. CannotLook, Refused: they cannot be had.
    """
    there = n8n.workflows()
    if not n8n.expected:
        active = ", ".join(f'"{one.name}" = 900' for one in there[:20] if one.active) or '"Message Scheduler" = 900'
        raise Refused(
            "Nobody has said which workflows are expected to run.",
            remedy="Write in environments.toml, under n8n, with the seconds each may go without a success:\n\n"
            f"expected = {{ {active} }}",
        )
    return [
        Expected(name=name, allowed_s=allowed_s, workflow=_found(name, there))
        for name, allowed_s in n8n.expected.items()
    ]


def _found(name: str, there: Sequence[Workflow]) -> Workflow | None:
    fitting = [one for one in there if one.id == name] or [one for one in there if one.name == name]
    return max(fitting, key=lambda one: (one.active, not one.archived), default=None)


def last_runs(n8n: N8n, workflow: Workflow) -> LastRuns:
    """Each state asked for by its name: a failed run is not a crashed one, and neither is one that runs.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    of = {state: _newest(n8n, workflow, state) for state in (State.SUCCESS, State.ERROR, State.CRASHED, State.RUNNING)}
    return LastRuns(
        success=_last(of[State.SUCCESS]),
        failure=_last([*of[State.ERROR], *of[State.CRASHED]]),
        goes_on=bool(of[State.RUNNING]),
    )


def _newest(n8n: N8n, workflow: Workflow, state: State) -> list[Execution]:
    return next(n8n.executions(state, workflow=workflow.id, limit=NEWEST), [])


def _last(runs: Sequence[Execution]) -> datetime | None:
    return max((run.at for run in runs if run.at), default=None)
