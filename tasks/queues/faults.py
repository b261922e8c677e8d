"""Ways to let a queue go wrong whose worker lets itself be told to fail (`drill_file`), as the lab's does."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.queues.changing import by_vendor
from tasks.queues.system import ASIDE, Queues
from tasks.service.system import WorkerService

NAME = "send"
REASON = "connect ECONNREFUSED 192.0.2.7:443"
# A worker that lives fails a job within milliseconds; a busy machine may take seconds.
WITHIN_S = 60.0
POLL_S = 0.05


@dataclass
class Left:
    """What a drill has put into a queue, and how its worker was."""

    queues: Queues
    queue: str
    ids: list[str] = field(default_factory=list)
    workers: WorkerService | None = None

    def clear(self) -> None:
        """Take out what of it is still there, whatever became of it."""

        async def removed(opened: Any) -> None:
            for one in self.ids:
                await opened.backend.remove(one, False)

        by_vendor(self.queues, self.queue, removed)
        with self.queues.acting() as session:
            kept = [f"{ASIDE}aside:{self.queues.base(self.queue)}{one}" for one in self.ids]
            session.each([("DEL", one, f"{one}:logs") for one in kept])


class LeaveNoWorker(Fault):
    """Stop the worker, and go on adding jobs."""

    def __init__(self, jobs: int = 600) -> None:
        """So many jobs wait then."""
        self.jobs = jobs

    def cause(self, queues: Queues, worker_service: WorkerService) -> Left:
        left = Left(queues=queues, queue=_queue(queues), workers=worker_service)
        worker_service.halt()
        try:
            _add(left, self.jobs)
        except BaseException:
            worker_service.start_again()
            raise
        return left

    def cure(self, trouble: Left) -> None:
        trouble.clear()
        if trouble.workers is not None and not trouble.workers.running():
            trouble.workers.start_again()


class FailOnFarSide(Fault):
    """Let the far side refuse connections for a while, and be well again.

    The jobs that failed meanwhile stay failed until somebody tries them again.
    """

    def __init__(self, jobs: int = 200) -> None:
        """So many jobs fail: more than 5 % of all that the queue's events tell of, whatever it did before."""
        self.jobs = jobs

    def cause(self, queues: Queues) -> Left:
        left, file = Left(queues=queues, queue=_queue(queues)), _drill_file(queues)
        # In one step: a half file would be read as none.
        new = file.with_name(f"{file.name}.new")
        new.write_text(json.dumps({"fails": REASON}), encoding="utf-8")
        new.rename(file)
        try:
            _add(left, self.jobs)
            _until(lambda: _failed(left) == self.jobs, f"{self.jobs} jobs fail")
        except BaseException:
            left.clear()
            raise
        finally:
            file.unlink(missing_ok=True)
        return left

    def cure(self, trouble: Left) -> None:
        trouble.clear()


class RetryInVain(Fault):
    """Add a job that nobody can do, and try it again and again."""

    TIMES = 3

    def cause(self, queues: Queues) -> Left:
        left = Left(queues=queues, queue=_queue(queues))
        _drill_file(queues)
        _add(left, 1, poison=True)
        try:
            for times in range(self.TIMES + 1):
                _until(lambda: _failed(left) == 1, f"the job fails for time {times + 1}")
                if times < self.TIMES:
                    by_vendor(queues, left.queue, lambda opened: _again(opened, left.ids[0]))
        except BaseException:
            left.clear()
            raise
        return left

    def cure(self, trouble: Left) -> None:
        trouble.clear()


async def _again(opened: Any, job: str) -> None:
    from bullmq import Job

    found = await Job.fromId(opened, job)
    if found is not None:
        await found.retry("failed")


def _queue(queues: Queues) -> str:
    found = queues.queues()
    if not found:
        raise Refused("There is no queue to break.", remedy='names = ["emails"]')
    return found[0]


def _drill_file(queues: Queues) -> Path:
    if queues.drill_file is None:
        raise Refused(
            "No worker can be told to fail: the queues have no `drill_file`.",
            remedy='drill_file = "/path/that/your/worker/reads.json"  # in lab and staging only',
        )
    return queues.drill_file


def _add(left: Left, jobs: int, **data: object) -> None:
    async def added(opened: Any) -> list[str]:
        made = await opened.addBulk([{"name": NAME, "data": {"n": number, **data}} for number in range(jobs)])
        return [str(one.id) for one in made]

    left.ids = by_vendor(left.queues, left.queue, added)


def _failed(left: Left) -> int:
    with left.queues.session() as session:
        base = left.queues.base(left.queue)
        return sum(score is not None for score in session.each([("ZSCORE", f"{base}failed", one) for one in left.ids]))


def _until(true: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + WITHIN_S
    while not true():
        if time.monotonic() > until:
            raise CannotLook(f"Not within {WITHIN_S:.0f} s: {what}. Does the worker run?")
        time.sleep(POLL_S)
