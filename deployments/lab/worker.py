"""The lab's worker: takes jobs of the queue `emails` and does nothing with them; it fails those it is told to fail.

Started as a script, by its path, so that it need not import the house: `python worker.py FOLDER PORT`. PORT is of the
lab's Valkey, FOLDER holds `account.json`, whom it is there, and may hold `trouble.json`, read before each job: `fails`
is why each one fails. A job whose data say `poison` fails always. `leaks` makes it hold on to more and more memory, up
to 200 MiB, until it is told so no more; not if it was told before it began. Asked to stop, it finishes what it has
begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

from bullmq import Worker
from redis.asyncio import Redis
from redis.exceptions import RedisError

ACCOUNT = "account.json"
TROUBLE = "trouble.json"
QUEUE = "emails"
POISON = "poison"
AT_ONCE = 10
# What it is called among the machine's processes; Linux keeps 15 characters.
NAME = "lab-worker"
# A mebibyte a second: it lasts as long as a drill may.
LEAKS_BYTES, LEAKS_EVERY_S, LEAKS_TIMES = 2**18, 0.25, 800
# Of what was done, so many are kept to be looked at.
KEPT = 200
LOOKS_EVERY_S = 0.1


class Failed(Exception):
    """What a job is told to fail with."""


def fails(folder: Path, data: Any) -> str:
    """Why this job fails; empty if it does not."""
    if isinstance(data, dict) and data.get(POISON):
        return "this job cannot be done by anybody"
    return str(told(folder).get("fails", ""))


def told(folder: Path) -> dict[str, Any]:
    """Which trouble it is told to make."""
    try:
        trouble = json.loads((folder / TROUBLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return trouble if isinstance(trouble, dict) else {}


async def leak(folder: Path) -> None:
    """Hold on to memory while it is told so."""
    held: list[bytes] = []
    before = told(folder).get("leaks")
    while True:
        await asyncio.sleep(LEAKS_EVERY_S)
        leaks = told(folder).get("leaks")
        before = before and leaks
        if not leaks:
            held.clear()
        elif not before and len(held) < LEAKS_TIMES:
            # Written, or it would take no memory.
            held.append(b"x" * LEAKS_BYTES)


async def answers(account: dict[str, Any]) -> None:
    """Wait until the server is up: both are started at once."""
    while True:
        try:
            async with Redis(**account) as client:
                await client.ping()
        except (RedisError, OSError):
            await asyncio.sleep(LOOKS_EVERY_S)
        else:
            return


async def work(folder: Path, port: int) -> None:
    """Until it is asked to stop."""
    over = asyncio.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(asked, over.set)
    account = json.loads((folder / ACCOUNT).read_text(encoding="utf-8"))
    account |= {"host": "127.0.0.1", "port": port}

    async def process(job: Any, _token: str) -> None:
        if reason := fails(folder, job.data):
            raise Failed(reason)

    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    await answers(account)
    worker = Worker(
        QUEUE, process, {"connection": account, "concurrency": AT_ONCE, "removeOnComplete": {"count": KEPT}}
    )
    leaking = asyncio.create_task(leak(folder))
    await over.wait()
    leaking.cancel()
    await worker.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
