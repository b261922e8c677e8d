"""What can be done to a queue as a whole: pause it, resume it, restart those who work on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.words import count
from tasks.queues.changing import pause, refuse_unknown_major, resume
from tasks.queues.found import BULLMQ, Look
from tasks.queues.system import ASIDE, Queues
from tasks.service.restarts import has_restarted, plan_of, restarted
from tasks.service.system import WorkerService

# As long as BullMQ waits before it takes a job for lost, and once more: jobs of a minute are let finish.
DRAINED_WITHIN_S = 60.0
POLL_S = 0.5
# We mark whom we pause for a restart, so that one that broke off resumes no queue that somebody else has paused.
MARK_KEPT_S = 3600
NAMED = 5
LOSES_BY_PAUSE = "Jobs are added and none is begun, password resets included. Those under way go on."


class _Turn(Action):
    """Pause queues, or resume them."""

    narrows = True
    to_pause: ClassVar[bool]
    verb: ClassVar[str]
    undo: ClassVar[NoWayBack | Callable[..., Action]] = NoWayBack(
        loses="Jobs that are begun meanwhile cannot be called back; pausing again is a step of its own."
    )

    def __init__(self, *names: str) -> None:
        """Only these queues; none: each of which it can be said."""
        self.names = names

    def plan(self, queues: Queues) -> Plan:
        looks = queues.looks()
        meant = [
            look for look in looks if look.paused is not self.to_pause and look.queue in (self.names or _all(looks))
        ]
        mine = [look for look in meant if look.library == BULLMQ and (look.major or not self.to_pause)]
        if meant and not mine:
            refuse_unknown_major(meant[0])
        due = sum(look.due for look in mine)
        nothing = f"Nothing to do: no queue is {'running' if self.to_pause else 'paused'} that we may change."
        return Plan(
            does=f"{self.verb} {', '.join(look.queue for look in mine[:NAMED])}. {count(due, 'job')} are due there."
            if mine
            else nothing,
            commands=tuple(_turn(self.verb, look) for look in mine),
            blast_radius=BlastRadius(touched=len(mine), total=max(len(looks), 1), noun="queues"),
            risk=Risk.HIGH if self.to_pause else Risk.MODERATE,
            loses=LOSES_BY_PAUSE if self.to_pause else "Nothing.",
            evidence=[{"queue": look.queue, "due": look.due, "active": look.active, "by": look.said} for look in mine],
            language="text",
        )

    def apply(self, queues: Queues, plan: Plan) -> Outcome:
        done = [self._turned(queues, str(command.target["queue"])) for command in plan.commands]
        well = [row for row in done if row["paused"] is self.to_pause]
        state = "paused" if self.to_pause else "running"
        return Outcome(
            says=f"{len(well)} of {count(len(done), 'queue')} {'is' if len(well) == 1 else 'are'} {state}.",
            complete=len(well) == len(done),
            rows=done,
        )

    def _turned(self, queues: Queues, queue: str) -> Row:
        (pause if self.to_pause else resume)(queues, queues.look(queue))
        # Looked at afterwards: with a full memory even a pause is refused, and not by every way with an error.
        look = queues.look(queue)
        return {"queue": queue, "paused": look.paused, "due": look.due}

    def applied(self, queues: Queues, plan: Plan) -> bool | None:
        return all(queues.look(str(one.target["queue"])).paused is self.to_pause for one in plan.commands)


class ResumeQueues(_Turn):
    """Resume the queues that are paused.

    What waits in them is begun at once, as many at a time as there are workers for.
    """

    to_pause = False
    verb = "Resume"


class PauseQueues(_Turn):
    """Pause the queues, so that no job uses up its attempts.

    Jobs go on being added, and wait. Those under way are finished.
    """

    to_pause = True
    verb = "Pause"

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Resume the same queues."""
        return ResumeQueues(*(str(command.target["queue"]) for command in plan.commands))


class PauseFailingQueues(PauseQueues):
    """Pause the queues whose jobs fail, until the far side is well again.

    Jobs go on being added, and wait. Those under way are finished. Without a pause each of them uses up its attempts.
    """

    def plan(self, queues: Queues) -> Plan:
        failing = [look.queue for look in queues.looks() if look.failed]
        return PauseQueues(*(failing or ["-"])).plan(queues)


class RestartQueueWorkers(Action):
    """Restart the workers of the queues.

    Through the environment's `worker_service`. Where a job is under way its queue is paused first, the job let finish,
    and the queue resumed afterwards: a job whose worker is killed runs again, and one that it happens to twice fails
    for good, whatever its attempts.
    """

    undo = NoWayBack(loses="A job that is longer than a minute is not waited for: then nothing is restarted.")

    def plan(self, queues: Queues, worker_service: WorkerService) -> Plan:
        looks = queues.looks()
        held = [_held(queues, look) for look in looks]
        under_way = sum(held)
        does = "Restart the workers."
        if under_way:
            does = (
                f"Pause the queues, wait until their {count(under_way, 'job').lower()} under way are finished, restart "
                "the workers, and resume."
            )
        return plan_of(
            worker_service,
            f"{does} {count(sum(look.due for look in looks), 'job')} are due.",
            noun="services",
            risk=Risk.MODERATE,
            loses="A job that was left by a dead worker runs again; what it had done, it does twice.",
            evidence=[
                {"queue": look.queue, "under way": number, "left behind": look.active - number, "due": look.due}
                for look, number in zip(looks, held, strict=True)
            ],
        )

    def apply(self, queues: Queues, worker_service: WorkerService, plan: Plan) -> Outcome:
        paused = _pause_busy(queues)
        try:
            if left := _drained(queues, paused):
                raise Refused(
                    f"After {DRAINED_WITHIN_S:.0f} s {count(left, 'job').lower()} were still under way; nothing was "
                    "restarted, so that none runs twice.",
                    remedy="Wait for them, or restart by hand once they may run twice.",
                )
            return restarted(worker_service, plan)
        finally:
            for queue in paused:
                _resume_own(queues, queue)

    def applied(self, queues: Queues, worker_service: WorkerService, plan: Plan) -> bool | None:
        # It broke off between its pause and its end: do what is left.
        if any(_own(queues, look.queue) for look in queues.looks()):
            return False
        return has_restarted(worker_service, plan)


def _all(looks: tuple[Look, ...]) -> tuple[str, ...]:
    return tuple(look.queue for look in looks)


def _turn(verb: str, look: Look) -> Command:
    return Command(line=f"{verb.lower()} queue {look.queue}", target={"queue": look.queue, "to": verb.lower()})


def _held(queues: Queues, look: Look) -> int:
    """Jobs under way that a living worker holds: others are finished by nobody."""
    return look.active - len(queues.without_lock(look.queue)) if look.active else 0


def _pause_busy(queues: Queues) -> list[str]:
    """Pause the queues with jobs under way, and mark them; also those that a restart before us has left so.

    Raises:
        Refused: one may not be paused from here, and its jobs would run twice.
    """
    paused: list[str] = []
    for queue in queues.queues():
        look = queues.look(queue)
        if _own(queues, queue):
            paused.append(queue)
        elif not look.paused and _held(queues, look):
            refuse_unknown_major(look)
            with queues.acting() as session:
                session.run("SET", _mark(queues, queue), 1, "EX", MARK_KEPT_S)
            paused.append(queue)
            pause(queues, look)
    return paused


def _drained(queues: Queues, paused: list[str]) -> int:
    """Wait until the jobs of these are finished; how many are not in time."""
    until = time.monotonic() + DRAINED_WITHIN_S
    while left := sum(_held(queues, queues.look(queue)) for queue in paused):
        if time.monotonic() > until:
            break
        time.sleep(POLL_S)
    return left


def _resume_own(queues: Queues, queue: str) -> None:
    resume(queues, queues.look(queue))
    with queues.acting() as session:
        session.run("DEL", _mark(queues, queue))


def _own(queues: Queues, queue: str) -> bool:
    # Without a password nobody could have paused it from here.
    if queues.action_password is None:
        return False
    with queues.acting() as session:
        return bool(session.run("EXISTS", _mark(queues, queue)))


def _mark(queues: Queues, queue: str) -> str:
    return f"{ASIDE}paused:{queues.base(queue)}"
