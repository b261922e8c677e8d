"""A house: the whole stack with a dark room in it. Incidents run there as they do at night, and can be shot at."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State

from deployments import private_file
from deployments.cluster import Cluster
from deployments.forkserver import run_name
from deployments.stack import Stack
from flows.case.question import Decision, Question, open_question
from flows.gate.reply import reply
from flows.journal import broken
from flows.run.trigger import trigger
from tests.deployments.processes import alive, wait_until
from tests.flows.room import SLUG, Room

# Nothing is proved by the time: on two busy cores a stack that was killed needs a minute.
PATIENCE_S = 180.0


@dataclass(kw_only=True)
class House(Room):
    """Holds one incident at a time, in `incident`."""

    stack: Stack

    @property
    def id(self) -> UUID:
        return UUID(self.incident)

    def open(self, slug: str = SLUG, environment: str = "room", **lamp: object) -> None:
        """Trigger an incident in a dark room, told to behave as `lamp` says."""
        self.lamp.unlink(missing_ok=True)
        self.lamp.with_suffix(".log").unlink(missing_ok=True)
        self.set(lit=False, **lamp)
        self.incident = str(trigger(slug, {"environment": environment, "reason": "It is dark."}))

    def wait_for(self, key: str) -> dict[str, Any]:
        """The body of the entry with this key, as soon as it is there."""
        wait_until(lambda: any(entry.key == key for entry in self.entries), f"entry {key}", PATIENCE_S)
        return self.entry(key)

    def wait_for_lamp(self, line: str) -> None:
        wait_until(lambda: self.count(line), f"the lamp's {line!r}", PATIENCE_S)

    def question(self, asked: int = 1) -> Question:
        """The question the run waits at, when it was asked so many times and its process is gone."""
        wait_until(lambda: self.kinds().count("asked") == asked, f"question {asked}", PATIENCE_S)
        wait_until(lambda: self.state_name == "Suspended" and not self.pids(), "suspended", PATIENCE_S)
        found = open_question(self.entries)
        assert found is not None
        return found

    def answer(self, question: Question, decision: str = "approve", name: str = "ana") -> None:
        reply(question, Decision(decision), name, "because")

    def end(self) -> str:
        """The verdict, when the incident is closed and its process gone; nothing in its record is broken or doubled."""
        wait_until(lambda: "closed" in self.kinds(), f"closed, after {self.kinds()}", PATIENCE_S)
        wait_until(lambda: not self.pids(), "its process is gone", PATIENCE_S)
        assert broken(self.entries) is None
        keys = [entry.key for entry in self.entries]
        assert len(keys) == len(set(keys))
        return self.verdict

    def pids(self) -> set[int]:
        """The processes that execute the run."""
        name = run_name(self.incident)
        return alive(int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _name(p) == name)

    def kill(self, *more: str) -> None:
        """SIGKILL for the run's processes, after that for `more` programs of the stack."""
        for name in more:
            os.kill(self.stack.supervisor.pids()[name], signal.SIGKILL)
        shot = self.pids()
        for pid in shot:
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(shot), "the shot are dead")

    @property
    def state_name(self) -> str:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(self.id).state
        return state.name or "" if state else ""

    def force(self, state: State[Any]) -> None:
        """What anyone who reaches Prefect's API can do to a run."""
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(self.id, state, force=True)

    def wait_for_state(self, *names: str) -> None:
        wait_until(lambda: self.state_name in names, f"{' or '.join(names)}, is {self.state_name}", PATIENCE_S)

    def cut_journal(self) -> int:
        """End the journal's sessions of all executors; how many there were."""
        with psycopg.connect(self.database_url("postgres"), autocommit=True) as session:
            return session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'incident-journal'"
            ).rowcount

    def database_url(self, database: str) -> str:
        """A database of the stack's own Postgres, as its superuser."""
        state = private_file.read_json(self.stack.home.stack.state)
        cluster = Cluster(folder=self.stack.home.stack.postgres, port=state["postgres_port"])
        return cluster.url("postgres", state["superuser"], database)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().rstrip("\n")
    except OSError:  # it ended while we looked
        return ""
