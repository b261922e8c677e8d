"""What can be done about processes: stop the one that spins, restart the service that leaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tasks.action import Action
from tasks.amounts import size
from tasks.host.machine import Machine
from tasks.host.processes.checks import MEMORY_LEFT, OF_ONE_CORE
from tasks.host.processes.judged import Pace, grown, worked
from tasks.host.processes.running import Sample, connections, family, ours, sampled
from tasks.host.processes.stopping import ENDED, GONE, LIVES, is_there, stopped
from tasks.host.system import Host, here
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.queues.actions import RestartQueueWorkers
from tasks.queues.system import Queues
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService, Service, WorkerService

# Pace is judged by the check, over minutes; a plan looks for seconds at who does it still.
NOW = Threshold(warn=0, bad=1, because="In seconds: a plan says what is, and what was for minutes the check has said.")
# A slow leak moves nothing within seconds; what holds this much of the machine is worth a restart all the same.
LARGE = 0.1
NONE_GROWS = "Nothing to restart: none of its processes grows just now, and none is large."
NONE_SPINS = "Nothing to restart: none of its processes uses up a processor just now."


class StopSpinningProcesses(Action):
    """Stop the processes that use up a processor without pause.

    Each by its number and the moment it began, and only of programs that the environment names (`may_stop`). It is
    asked to end (SIGTERM) and given ten seconds; nothing stronger is sent.
    """

    undo = NoWayBack(loses="What it was at. Whatever supervises it starts it anew; if nothing does, it stays away.")
    narrows = True

    def plan(self, host: Machine, spinning: Threshold = OF_ONE_CORE) -> Plan:
        machine = here(host)
        paces = [one for one in worked(sampled(machine.programs), {}, spinning, NOW) if _spins(one, spinning)]
        mine = [one for one in paces if _may_stop(machine, one)]
        if paces and not mine:
            raise Refused(
                f"{paces[0].process.said} spins, and is none that may be stopped from here.",
                remedy=f'may_stop = ["{paces[0].process.program}"]  # of the host, if nothing of it is lost by that',
            )
        return Plan(
            does=f"Ask {', '.join(one.process.said for one in mine)} to end."
            if mine
            else f"Nothing to stop: no process uses {spinning.bad:.0%} of a core just now.",
            commands=tuple(_stop(one) for one in mine),
            blast_radius=BlastRadius(touched=len(mine), total=max(len(paces), 1), noun="spinning processes"),
            risk=Risk.HIGH,
            loses=self.undo.loses,
            evidence=[{**one.process.row, "cores": round(one.a_second, 2), "stopped": one in mine} for one in paces],
            language="sh",
        )

    def apply(self, host: Machine, plan: Plan) -> Outcome:
        machine = here(host)
        if any(command.target["program"] not in machine.may_stop for command in plan.commands):
            raise Refused("The configuration names another program by now than was approved.", remedy="Plan it again.")
        rows = [stopped(command.target) for command in plan.commands]
        over = [row for row in rows if row["became"] in (ENDED, GONE)]
        left = [row for row in rows if row not in over]
        more = f" The first of the others {left[0]['became']}." if left else ""
        if any(row["became"] == LIVES for row in left):
            more += " What does not end when it is asked may be at something: look, before you use kill -KILL."
        return Outcome(
            says=f"{len(over)} of {len(rows)} ended.{more}",
            complete=not left,
            rows=rows,
            not_done=[c.target for c, row in zip(plan.commands, rows, strict=True) if row in left],
        )

    def applied(self, host: Machine, plan: Plan) -> bool | None:  # noqa: ARG002 - a process is found by its number
        return not any(is_there(command.target) for command in plan.commands)


class _RestartApplication(Action):
    """Restart the application, because of one of its processes."""

    undo = NoWayBack(loses="Requests that were under way; whoever sent them tries again.")

    def apply(self, host: Machine, application_service: ApplicationService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(application_service, plan)

    def applied(
        self,
        host: Machine,  # noqa: ARG002 - what it does afterwards tells nothing about a restart
        application_service: ApplicationService,
        plan: Plan,
    ) -> bool | None:
        return has_restarted(application_service, plan)

    def _planned(self, application_service: ApplicationService, culprits: Sequence[Pace], told: str) -> Plan:
        if not culprits:
            return no_plan(told, noun="services", loses=self.undo.loses)
        return plan_of(
            application_service,
            f"Restart the application: {told}",
            noun="services",
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=_evidence(culprits),
        )


class RestartLeakingApplication(_RestartApplication):
    """Restart the application, because one of its processes grows without end.

    Through the environment's `application_service`, and only while one of its own processes grows or is large: that of
    its command `pid`, and all it began. Requests that are under way may break off.
    """

    def plan(self, host: Machine, application_service: ApplicationService, left: Threshold = MEMORY_LEFT) -> Plan:
        culprits = _growing(here(host), application_service, left)
        return self._planned(application_service, culprits, _told(culprits[0]) if culprits else NONE_GROWS)


class RestartSpinningApplication(_RestartApplication):
    """Restart the application, because one of its processes uses up a processor without pause.

    Through the environment's `application_service`, and only while it is one of its own: that of its command `pid`, and
    all it began. Requests that are under way may break off.
    """

    def plan(self, host: Machine, application_service: ApplicationService, spinning: Threshold = OF_ONE_CORE) -> Plan:
        here(host)
        sample = sampled()
        of = _family(application_service, sample)
        culprits = [one for one in worked(sample, {}, spinning, NOW) if one.process.pid in of and _spins(one, spinning)]
        if not culprits:
            return self._planned(application_service, (), NONE_SPINS)
        worst = culprits[0]
        return self._planned(
            application_service, culprits, f"{worst.process.said} uses {worst.a_second:.0%} of a core just now."
        )


class RestartLeakingWorkers(Action):
    """Restart the workers of the queues, because one of their processes grows without end.

    Only while one of their own processes grows or is large. As any restart of them: where a job is under way its queue
    is paused first, the job let finish, and the queue resumed afterwards.
    """

    undo = RestartQueueWorkers.undo

    def plan(self, host: Machine, queues: Queues, worker_service: WorkerService, left: Threshold = MEMORY_LEFT) -> Plan:
        culprits = _growing(here(host), worker_service, left)
        if not culprits:
            return no_plan(NONE_GROWS, noun="services", loses="Nothing.")
        plan = RestartQueueWorkers().plan(queues, worker_service)
        return dataclasses.replace(
            plan, does=f"{_told(culprits[0])} {plan.does}", evidence=[*_evidence(culprits), *plan.evidence]
        )

    def apply(self, host: Machine, queues: Queues, worker_service: WorkerService, plan: Plan) -> Outcome:  # noqa: ARG002
        return RestartQueueWorkers().apply(queues, worker_service, plan)

    def applied(
        self,
        host: Machine,  # noqa: ARG002 - what they hold afterwards tells nothing about a restart
        queues: Queues,
        worker_service: WorkerService,
        plan: Plan,
    ) -> bool | None:
        return RestartQueueWorkers().applied(queues, worker_service, plan)


def _may_stop(machine: Host, one: Pace) -> bool:
    return one.process.program in machine.may_stop and one.process.pid not in ours()


def _stop(one: Pace) -> Command:
    process = one.process
    target: Row = {"pid": process.pid, "began": process.began, "program": process.program}
    return Command(line=f"kill -TERM {process.pid}", target=target)


def _spins(one: Pace, spinning: Threshold) -> bool:
    return one.a_second >= spinning.bad


def _growing(machine: Host, service: Service, left: Threshold) -> list[Pace]:
    """The processes of a service that would use the memory up at the pace they grow now, or hold a tenth of it."""
    # Of all programs: those of a service need not be among the ones that are judged.
    memory, sample = machine.memory(), sampled()
    of = _family(service, sample)
    paces = [one for one in grown(sample, {}, memory.available, left, NOW) if one.process.pid in of]
    return [one for one in paces if one.verdict or one.process.own >= LARGE * memory.total]


def _family(service: Service, sample: Sample) -> set[int]:
    return {one.pid for one in family(service.main_pid(), sample.processes)}


def _told(one: Pace) -> str:
    pace = f" and grows by {size(one.a_second * 60)} a minute just now" if one.a_second > 0 else ""
    return f"{one.process.said} holds {size(one.process.own)}{pace}."


def _evidence(culprits: Sequence[Pace]) -> list[Row]:
    return [
        {
            **one.process.row,
            "grows_bytes_a_minute": round(one.a_second * 60),
            "open_connections": connections(one.process.pid),
        }
        for one in culprits[:10]
    ]
