"""The lab's worker: takes jobs of the queue `emails` and does nothing with them; it fails those it is told to fail.

Started as a script, by its path, so that it need not import the house: `python worker.py FOLDER PORT`. PORT is of the
lab's Valkey, FOLDER holds `account.json`, whom it is there, and may hold `trouble.json`, read before each job: `fails`
is why each one fails. A job whose data say `poison` fails always. Asked to stop, it finishes what it has begun.
"""

from __future__ import annotations

import asyncio
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
# Of what was done, so many are kept to be looked at.
KEPT = 200
LOOKS_EVERY_S = 0.1


class Failed(Exception):
    """What a job is told to fail with."""


def fails(folder: Path, data: Any) -> str:
    """Why this job fails; empty if it does not."""
    if isinstance(data, dict) and data.get(POISON):
        return "this job cannot be done by anybody"
    try:
        told = json.loads((folder / TROUBLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("fails", "")) if isinstance(told, dict) else ""


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

    await answers(account)
    worker = Worker(
        QUEUE, process, {"connection": account, "concurrency": AT_ONCE, "removeOnComplete": {"count": KEPT}}
    )
    await over.wait()
    await worker.close()


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
