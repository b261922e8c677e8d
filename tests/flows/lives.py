"""Lives: one incident, lived through by one process after the other, each of which may be struck at a chosen point.

A nursery has Prefect and the catalog imported and forks a process for each life, as quick as a worker's is slow. The
points are met, not listed: right before and right after each entry of the journal and each `apply`.
"""

from __future__ import annotations

import enum
import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flows.case.question import Answer, Question, local_asker
from flows.journal import Entry, HeldLog
from flows.journal.body import Told
from tasks.action import Action
from tests.flows.damage import end_sessions, fill

CUT_OFF = "the journal was cut off"
APPLY = "apply of "
ROOT = Path(__file__).parents[2]


class Blow(enum.StrEnum):
    """What happens at the point."""

    KILL = "killed"
    CUT = "cut off"  # its session with the journal's database is ended
    FREEZE = "frozen"  # until it is woken
    FILL = "its disk filled"  # the one with the journal; its files may not grow any more


SIGNALS = {Blow.KILL: signal.SIGKILL, Blow.FREEZE: signal.SIGSTOP}


@dataclass(frozen=True)
class Point:
    """A moment of an incident: `side` is before or after, `what` an entry's key, or APPLY and an action's name."""

    side: str
    what: str

    def __str__(self) -> str:
        return f"{self.side} {self.what}"


@dataclass(frozen=True, kw_only=True)
class Life:
    """What a process is told: whose life it is, where it is struck, and with what."""

    incident: str
    at: Point | None = None
    blow: Blow = Blow.KILL
    # The journal's database as its superuser, who can end sessions.
    admin_url: str = ""
    # Where it writes down each point it comes by, for whoever wants to know which there are.
    trace: str = ""


@dataclass
class Nursery:
    """Begins one life after the other."""

    process: subprocess.Popen[str]

    def live(self, life: Life) -> int:
        """Live until the end or the blow; the exit code, or the negative number of the signal that ended it."""
        return self._say(asdict(life))

    def wake(self) -> int:
        """Continue the life that was frozen, to its end."""
        return self._say(None)

    def _say(self, order: dict[str, Any] | None) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        assert said, "the nursery itself has ended; its stderr says why"
        return int(said)


@contextmanager
def nursery(environment: dict[str, str]) -> Iterator[Nursery]:
    """A nursery whose lives see `environment`."""
    with subprocess.Popen(
        [sys.executable, "-m", __name__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def main() -> None:
    """Make ready what all lives need, then begin one after the other."""
    # Imported here, once, for all lives. Prefect itself would import these at a run's first task.
    import prefect.concurrency.services
    import prefect.task_engine  # noqa: F401
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    import tests.flows.room  # noqa: F401
    from flows import incident, maintenance, playbook  # noqa: F401
    from flows.run import settings

    known = settings.catalog(settings.config())
    settings.catalog = lambda configured: known  # read once, not in each life
    # Their thread makes every run end up to a second late, and tells Prefect nothing that we use.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        _bear()


def _bear() -> None:
    """Fork a process for each line that is read, and say how it ended."""
    frozen = 0
    for order in map(json.loads, sys.stdin):
        if order is None:
            os.kill(pid := frozen, signal.SIGCONT)
        elif not (pid := os.fork()):
            _begin(order)
        _, status = os.waitpid(pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            frozen = pid
        print(-os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status), flush=True)


def _begin(order: dict[str, Any]) -> None:
    """In the new process: live, and end without looking back, as the dead do."""
    point = Point(**order["at"]) if order["at"] else None
    life = Life(**{**order, "at": point, "blow": Blow(order["blow"])})
    # What it says goes to stderr: stdout is the nursery's.
    os.dup2(2, 1)
    code = 1
    try:
        _live(life)
        code = 0
    finally:
        sys.stderr.flush()
        os._exit(code)


def _live(life: Life) -> None:
    from prefect.flow_engine import load_flow_run, run_flow

    from flows.incident import incident
    from flows.maintenance import maintenance
    from flows.playbook import playbook

    _watch(life)
    local_asker.set(Willing())
    run = load_flow_run(UUID(life.incident))
    flows = {flow.name: flow for flow in (incident, playbook, maintenance)}
    kind = next(name for name in flows if name in run.tags)
    run_flow(flows[kind], flow_run=run, parameters=run.parameters, return_type="state")


class Willing:
    """Approves whatever it is asked."""

    def ask(self, question: Question) -> Answer:
        from tests.flows.room import said

        return said(question)


def _watch(life: Life) -> None:
    """From now on every entry and every `apply` of this process is a point on both its sides."""
    append = HeldLog.append

    def appended(log: HeldLog, actor: str, key: str, told: Told) -> Entry:
        _reach(life, "before", key)
        entry = append(log, actor, key, told)
        _reach(life, "after", key)
        return entry

    HeldLog.append = appended  # type: ignore[assignment, method-assign]
    for action in _kinds(Action):  # type: ignore[type-abstract]
        action.apply = _watched(life, action.apply)  # type: ignore[method-assign]


def _kinds(action: type[Action]) -> Iterator[type[Action]]:
    for kind in action.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _watched(life: Life, apply: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(apply)
    def watched(action: Action, **given: Any) -> Any:
        _reach(life, "before", f"{APPLY}{action.name}")
        outcome = apply(action, **given)
        _reach(life, "after", f"{APPLY}{action.name}")
        return outcome

    return watched


def _reach(life: Life, side: str, what: str) -> None:
    # A look's key holds the number of entries before it, which differs from life to life.
    point = Point(side, re.sub(r"/look/\d+$", "/look/n", what))
    if life.trace:
        with Path(life.trace).open("a") as trace:
            trace.write(f"{point}\n")
    if point != life.at:
        return
    if life.blow in SIGNALS:
        os.kill(os.getpid(), SIGNALS[life.blow])
        return
    (end_sessions if life.blow is Blow.CUT else fill)(life.admin_url)
    # The lamp's own log, so that what is done from now on stands below.
    with Path(os.environ["INCIDENT_CONFIG"]).with_name("lamp.log").open("a") as lamp:
        lamp.write(f"{CUT_OFF}\n")


if __name__ == "__main__":
    main()
