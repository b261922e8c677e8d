"""How queues are changed: by BullMQ's own scripts, which keep its markers, priorities and parents in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from tasks.model import Refused
from tasks.queues import scripts
from tasks.queues.found import BULLMQ, Failed, Look
from tasks.queues.system import Queues

T = TypeVar("T")
# Whose jobs move to a list of their own while they are paused, and by which script that may be done.
MOVES = 5
# BullMQ moves so many of a large list at a time when it resumes; asked as often as this, 70 million jobs are back.
RESUMES = 10_000


@dataclass(frozen=True)
class _Named:
    """As much of a job as the vendor's script asks for: its data stays where it is."""

    id: str
    opts: dict[str, Any]


def refuse_bull(look: Look) -> None:
    """Only BullMQ's queues are changed from here.

    Raises:
        Refused: it is one of Bull's, whose jobs the vendor's package would spoil.
    """
    if look.library != BULLMQ:
        raise Refused(
            f"{look.queue} is a queue of Bull, and is looked at only.",
            remedy="Change it from the application that owns it: queue.pause(), job.retry(). n8n's are retried in n8n.",
        )


def refuse_unknown_major(look: Look) -> None:
    """What differs from major to major is done only where it is known.

    Raises:
        Refused: nobody has written it down.
    """
    refuse_bull(look)
    if look.major not in (5, 6):
        which = f"BullMQ {look.major}" if look.major else "no major of BullMQ that anybody has written down"
        raise Refused(
            f"{look.queue} is of {which}, and they pause in different ways: the wrong one loses jobs.",
            remedy="major = 6   # or 5, in environments.toml, under queues: as the application's package.json says",
        )


def refuse_paused_5(look: Look) -> None:
    """BullMQ 5's resume puts the list of paused jobs in the place of the waiting ones: what waits there is lost.

    Raises:
        Refused: it is paused, and a job that is put back now would be lost.
    """
    if look.paused and look.major != 6:
        raise Refused(
            f"{look.queue} ({look.said}) is paused: jobs that are put back now would be lost when it is resumed.",
            remedy="Resume it first.",
        )


def by_vendor(queues: Queues, queue: str, use: Callable[[Any], Awaitable[T]]) -> T:
    """What `use` does with the vendor's queue, as the account that changes.

    Raises:
        Refused: no such account, or it is not let in. CannotLook: the server does not answer.
    """

    async def used() -> T:
        # Alpha, and slow to import: only where a queue is changed.
        from bullmq import Queue

        async with queues.acting_asynchronously() as client:
            return await use(Queue(queue, {"connection": client, "prefix": queues.prefix}))

    # In a thread of its own: where this runs, a loop may be running already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, used()).result()


def pause(queues: Queues, look: Look) -> None:
    """Pause a queue; jobs under way go on.

    Raises:
        Refused: it is Bull's, of an unknown major, or in between. CannotLook: the server does not answer.
    """
    refuse_unknown_major(look)
    if look.major != MOVES:
        by_vendor(queues, look.queue, lambda queue: queue.pause())
        return
    with queues.acting() as session:
        keys = [f"{queues.base(look.queue)}{name}" for name in ("wait", "paused", "meta", "marker", "events")]
        if int(session.run("EVAL", scripts.PAUSE_5, len(keys), *keys)) != 1:
            raise Refused(
                f"{look.queue} has jobs both waiting and paused: somebody pauses or resumes it just now.",
                remedy="Look again in a moment.",
            )


def resume(queues: Queues, look: Look) -> None:
    """Resume a queue, whichever way its jobs were held.

    Raises:
        Refused: it is Bull's. CannotLook: the server does not answer.
    """
    refuse_bull(look)

    async def resumed(queue: Any) -> None:
        for _ in range(RESUMES):
            await queue.resume()
            if not await queue.client.llen(queue.toKey("paused")):
                return

    by_vendor(queues, look.queue, resumed)


def retry(queues: Queues, queue: str, jobs: Sequence[Failed], most: int) -> list[str]:
    """Put these failed jobs back into their queue, `most` at most: the ids of those that went. One that is gone, or has
    failed anew since it was looked at, is left alone.

    Raises:
        Refused, CannotLook: as `by_vendor`; some may have gone by then.
    """

    async def retried(opened: Any) -> list[str]:
        went: list[str] = []
        for job in jobs:
            if len(went) >= most:
                break
            # The same failure that was looked at: one that was tried since and failed again has a later moment.
            score = await opened.client.zscore(opened.toKey("failed"), job.id)
            if score is None or int(score) != job.at_ms:
                continue
            try:
                await opened.scripts.reprocessJob(_Named(job.id, {"lifo": job.last_in}), "failed")
            except TypeError:
                # So the vendor says that it is gone, or in another state by now.
                continue
            went.append(job.id)
        return went

    return by_vendor(queues, queue, retried)
