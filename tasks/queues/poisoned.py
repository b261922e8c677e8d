"""Jobs that fail again and again are taken out, exactly those that were shown, and kept so that they can come back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tasks.action import Action
from tasks.excerpt import excerpt
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row, Threshold
from tasks.postgres.words import count
from tasks.queues import scripts
from tasks.queues.changing import by_vendor, refuse_bull
from tasks.queues.failures import DAY_S, POISONED
from tasks.queues.found import Failed
from tasks.queues.system import ASIDE, Queues

# As long as somebody may still ask why it failed.
KEPT_S = 30 * 86_400
MOST = 100
SHOWN_ID = 60


class RemovePoisonedJobs(Action):
    """Take the jobs out that fail again and again.

    Each with all it holds is kept on the same server for 30 days, under `incident:aside:`; nothing of it is read. Never
    the whole queue: draining it may take a scheduler's next tick along.
    """

    narrows = True

    def plan(self, queues: Queues, in_vain: Threshold = POISONED) -> Plan:
        since_ms = round((time.time() - DAY_S) * 1000)
        found: list[Failed] = []
        kept = 0
        for look in queues.looks():
            kept += look.failed
            sick = [one for one in queues.poisoned(look.queue, since_ms) if one.in_vain >= in_vain.bad]
            if sick:
                refuse_bull(look)
            found += sick
        found = sorted(found, key=lambda one: (one.queue, one.at_ms, one.id))[:MOST]
        return Plan(
            does=f"Take {count(len(found), 'job').lower()} out of the failed ones, and keep {_it(found)} aside."
            if found
            else "Nothing to take out: no job fails again and again.",
            commands=tuple(_command(one) for one in found),
            blast_radius=BlastRadius(touched=len(found), total=max(kept, len(found)), noun="failed jobs"),
            risk=Risk.MODERATE,
            loses="Whoever waits for its result waits on: tell them. It can be put back among the failed for 30 days.",
            evidence=[{"id": excerpt(one.id, SHOWN_ID), "name": one.name, "reason": one.reason} for one in found],
            language="text",
        )

    def apply(self, queues: Queues, plan: Plan) -> Outcome:
        done: list[Row] = []
        left: list[Row] = []
        for command in plan.commands:
            queue, job, at_ms = _target(command)
            if _set_aside(queues, queue, job, at_ms):
                done.append({"queue": queue, "id": job, "kept as": _aside(queues, queue, job)})
            else:
                left.append(command.target)
        says = f"{count(len(done), 'job')} taken out and kept aside"
        more = (
            f"; {len(left)} {'is' if len(left) == 1 else 'are'} no longer what was shown, and left alone"
            if left
            else ""
        )
        return Outcome(says=f"{says}{more}.", complete=not left, rows=done, not_done=left)

    def applied(self, queues: Queues, plan: Plan) -> bool | None:
        with queues.session() as session:
            there = session.each(
                [("ZSCORE", f"{queues.base(q)}failed", job) for q, job, _ in map(_target, plan.commands)]
            )
        return not any(score is not None for score in there)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """The jobs can be put back among the failed, as long as they are kept: 30 days."""
        return PutBackJobs([_target(command) for command in plan.commands])


class PutBackJobs(Action):
    """Put the jobs back among the failed ones.

    Exactly those that were taken out, with all they held; they are not retried by that.
    """

    narrows = True
    undo = NoWayBack(loses="Nothing: they can be taken out again.")

    def __init__(self, jobs: Sequence[tuple[str, str, int]]) -> None:
        """Queue, id and moment of failure, in ms, of each."""
        self.jobs = jobs

    def plan(self, queues: Queues) -> Plan:
        with queues.acting() as session:
            kept = session.each([("EXISTS", _aside(queues, queue, job)) for queue, job, _ in self.jobs])
        mine = [one for one, there in zip(self.jobs, kept, strict=True) if there]
        return Plan(
            does=f"Put {count(len(mine), 'job').lower()} back among the failed ones."
            if mine
            else "Nothing to put back: none is kept any more.",
            commands=tuple(
                Command(
                    line=f"put job {excerpt(job, SHOWN_ID)} back among the failed of {queue}",
                    target={"queue": queue, "id": job, "failed": at_ms},
                )
                for queue, job, at_ms in mine
            ),
            blast_radius=BlastRadius(touched=len(mine), total=max(len(self.jobs), 1), noun="jobs kept aside"),
            risk=Risk.LOW,
            loses="Nothing.",
            language="text",
        )

    def apply(self, queues: Queues, plan: Plan) -> Outcome:
        left: list[Row] = []
        with queues.acting() as session:
            for command in plan.commands:
                queue, job, at_ms = _target(command)
                keys = [*_keys(queues, queue, job)]
                if int(session.run("EVAL", scripts.PUT_BACK, len(keys), *keys, job, at_ms)) != 1:
                    left.append(command.target)
        done = len(plan.commands) - len(left)
        more = f"; {len(left)} left alone: nothing is kept, or there is a job of that id by now" if left else ""
        return Outcome(says=f"{count(done, 'job')} back among the failed{more}.", complete=not left, not_done=left)

    def applied(self, queues: Queues, plan: Plan) -> bool | None:
        with queues.session() as session:
            there = session.each(
                [("ZSCORE", f"{queues.base(q)}failed", job) for q, job, _ in map(_target, plan.commands)]
            )
        return all(score is not None for score in there)


def _set_aside(queues: Queues, queue: str, job: str, at_ms: int) -> bool:
    """Keep a copy first, then let the vendor's script remove it: what breaks off in between loses nothing."""
    keys = _keys(queues, queue, job)
    with queues.acting() as session:
        if int(session.run("EVAL", scripts.SET_ASIDE, len(keys), *keys, job, at_ms, KEPT_S)) != 1:
            return False
    # Not its children: they are jobs of their own. A worker that has taken it meanwhile keeps it: then it is left.
    removed = int(by_vendor(queues, queue, lambda opened: opened.backend.remove(job, False)))
    if removed != 1:
        with queues.acting() as session:
            session.run("DEL", *keys[3:])
    return removed == 1


def _keys(queues: Queues, queue: str, job: str) -> list[str]:
    base, aside = queues.base(queue), _aside(queues, queue, job)
    return [f"{base}{job}", f"{base}{job}:logs", f"{base}failed", aside, f"{aside}:logs"]


def _aside(queues: Queues, queue: str, job: str) -> str:
    return f"{ASIDE}aside:{queues.base(queue)}{job}"


def _target(command: Command) -> tuple[str, str, int]:
    return str(command.target["queue"]), str(command.target["id"]), int(str(command.target["failed"]))


def _command(one: Failed) -> Command:
    return Command(
        line=f"remove job {excerpt(one.id, SHOWN_ID)} ({one.name!r}) of {one.queue}, tried again {one.in_vain} times: "
        f"{one.reason}",
        target={"queue": one.queue, "id": one.id, "failed": one.at_ms},
    )


def _it(found: Sequence[Failed]) -> str:
    return "it" if len(found) == 1 else "them"
