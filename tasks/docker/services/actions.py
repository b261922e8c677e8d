"""Start the containers that stopped, and restart those that are unhealthy: each by its id, and no other beside it."""

from __future__ import annotations

import time
from collections.abc import Callable

from tasks import deadline
from tasks.action import Action
from tasks.docker.replies import Container
from tasks.docker.services.checks import RESTARTS
from tasks.docker.services.looked import ended, named, restarts_again, runs, shown, stopped, trouble
from tasks.docker.system import Docker
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.words import count

# The engine's own ten seconds are too few: a database or a queue that is killed loses what it had not written, and a
# worker's jobs run twice.
STOP_WITHIN_S = 60
# Whoever cannot work ends at once: for want of a file, a port, a password.
STAYS_S = 3.0
POLL_S = 0.25


class StartStoppedContainers(Action):
    """Start the containers that stopped.

    Each by its id, with the configuration, the image and the volumes it had, in the order in which they stopped: what
    fell first is often what the others need. Neighbours that run are not touched, and nothing is pulled or made anew.
    Paused ones are left alone: somebody has paused them.
    """

    undo = NoWayBack(loses="Nothing. What it had in memory only was lost when it ended.")
    narrows = True

    def plan(self, docker: Docker) -> Plan:
        found = docker.containers()
        down = [one for one in found if stopped(one, docker.jobs) and not one.state.paused]
        down.sort(key=lambda one: (one.stopped_at, one.name))
        return Plan(
            does=f"Start {count(len(down), 'container')} of {docker.project}: {', '.join(map(named, down))}."
            if down
            else "Nothing to start: no container of the project stands still.",
            commands=tuple(Command(line=f"docker start {one.id}  # {named(one)}", target=_stood(one)) for one in down),
            blast_radius=BlastRadius(touched=len(down), total=len(found), noun="containers"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[shown(one) for one in down],
            language="sh",
        )

    def apply(self, docker: Docker, plan: Plan) -> Outcome:
        def why_not(there: Container, target: Row) -> str:
            if runs(there):
                return "it runs by now"
            return "" if _stood(there) == target else "it is not what was listed: it ran meanwhile"

        return _each(docker, plan, why_not, docker.start, "started")

    def applied(self, docker: Docker, plan: Plan) -> bool | None:
        found = [docker.container(str(command.target["container"])) for command in plan.commands]
        if any(one is None for one in found):
            return None
        # One that was started and has ended again has another moment of its end.
        pairs = zip(found, plan.commands, strict=True)
        return all(one is not None and (runs(one) or _stood(one) != command.target) for one, command in pairs)


class RestartUnhealthyContainers(Action):
    """Restart the containers that are unhealthy.

    Each by its id, with the configuration it has: a changed key or image comes in with a new container only. It is
    asked to stop, and given the time. What the engine starts again and again already is left out: once more changes
    nothing.
    """

    undo = NoWayBack(loses="What it was at, and what it held in memory only. Nobody is served by it for seconds.")
    narrows = True

    def plan(self, docker: Docker, restarts: Threshold = RESTARTS) -> Plan:
        found = docker.containers()
        ill = [
            one for one in found if runs(one) and trouble(one, restarts.bad) and not restarts_again(one, restarts.bad)
        ]
        return Plan(
            does=f"Restart {count(len(ill), 'container')} of {docker.project}: {', '.join(map(named, ill))}."
            if ill
            else "Nothing to restart: no container is unhealthy that the engine does not start anew already.",
            commands=tuple(
                Command(line=f"docker restart -t {stop_within_s(one)} {one.id}  # {named(one)}", target=_ran(one))
                for one in ill
            ),
            blast_radius=BlastRadius(touched=len(ill), total=len(found), noun="containers"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[shown(one) for one in ill],
            language="sh",
        )

    def apply(self, docker: Docker, plan: Plan) -> Outcome:
        def why_not(there: Container, target: Row) -> str:
            if _ran(there) != target:
                return "it was restarted, or stopped, meanwhile"
            return "it is well by now" if there.state.health.status == "healthy" else ""

        def restart(id: str) -> None:  # noqa: A002 - the engine's word
            there = docker.container(id)
            docker.restart(id, stop_within_s(there) if there else STOP_WITHIN_S)

        return _each(docker, plan, why_not, restart, "restarted")

    def applied(self, docker: Docker, plan: Plan) -> bool | None:
        found = [docker.container(str(command.target["container"])) for command in plan.commands]
        if any(one is None for one in found):
            return None
        pairs = zip(found, plan.commands, strict=True)
        return all(one is not None and runs(one) and _ran(one) != command.target for one, command in pairs)


def stop_within_s(one: Container) -> int:
    """How long it is given to stop: what it was made with, or a minute. Podman says 0 where nothing was said."""
    return one.config.stop_timeout or STOP_WITHIN_S


def _stood(one: Container) -> Row:
    # When it stopped is part of it: what ran meanwhile and ended again is another matter.
    return {"container": one.id, "stopped": one.stopped_at.isoformat()}


def _ran(one: Container) -> Row:
    return {"container": one.id, "started": one.began_at.isoformat() if one.began_at else ""}


def _each(
    docker: Docker, plan: Plan, why_not: Callable[[Container, Row], str], do: Callable[[str], None], did: str
) -> Outcome:
    rows: list[Row] = []
    left: list[Row] = []
    well = 0
    for command in plan.commands:
        name = str(command.target["container"])
        there = docker.container(name)
        why = "no time was left" if deadline.is_over() else why_not(there, command.target) if there else "it is gone"
        if not why:
            try:
                do(name)
            except Refused as error:
                why = error.says
        if why:
            left.append(command.target)
            rows.append({"container": named(there) if there else name, "became": why})
            continue
        became = _stays(docker, name)
        well += not became
        rows.append({"container": named(there) if there else name, "became": became or did})
    told = "; ".join(f"{row['container']}: {str(row['became']).rstrip('.')}" for row in rows if row["became"] != did)
    return Outcome(
        says=f"{count(well, 'container')} {did}.{f' {told}.' if told else ''}",
        complete=well == len(plan.commands),
        rows=rows,
        not_done=left,
    )


def _stays(docker: Docker, name: str) -> str:
    """Why it does not stay up; empty if it does, for as long as is looked."""
    until = time.monotonic() + STAYS_S
    while time.monotonic() < until:
        there = docker.container(name)
        if there is None:
            return "is gone"
        if not runs(there) or there.state.restarting:
            return f"it was taken, and {ended(there)}"
        time.sleep(POLL_S)
    return ""
