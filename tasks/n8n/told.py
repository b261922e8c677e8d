"""What n8n tells, in our words: workflows, their nodes, executions, credentials."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class State(enum.StrEnum):
    """The states of an execution, each as n8n takes it for a filter. `new` waits for a free place."""

    ERROR = "error"
    CRASHED = "crashed"
    RUNNING = "running"
    WAITING = "waiting"
    NEW = "new"
    CANCELED = "canceled"
    SUCCESS = "success"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Health:
    """`alive`: its process answers. `ready`: its database does, too, and has been brought up to date."""

    alive: bool
    ready: bool
    says: str


@dataclass(frozen=True, kw_only=True)
class Used:
    """A credential as a node names it: by type, id and name. The secret itself is nowhere."""

    type: str
    id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step of a workflow; `type` is like `n8n-nodes-base.httpRequest`."""

    name: str
    type: str
    disabled: bool
    credentials: tuple[Used, ...]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow; `keeps_successes`: False where its own settings have n8n forget runs that succeed."""

    id: str
    name: str
    active: bool
    archived: bool
    created_at: datetime | None
    keeps_successes: bool
    nodes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One run. `ended_at` is n8n's `stoppedAt`: one that waits has it too, and a crashed one's lies before its end.

    `retry_of` is the run it was made from, a retry too; `retried_as` the retry of this very run that succeeded.
    """

    id: str
    workflow: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    waits_until: datetime | None
    retry_of: str
    retried_as: str

    @property
    def at(self) -> datetime | None:
        """When it ended, else when it began; one that is queued has neither."""
        return self.ended_at or self.started_at


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A credential that is there; its secret is told by nobody."""

    id: str
    name: str
    type: str
