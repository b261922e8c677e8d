"""A queue of a million jobs, and a hundred thousand that failed: what each question takes; beside the vendor's client.

    python -m tests.benchmarks.queues [WAITING] [FAILED] [--walked NUMBER] [--json FILE]

Valkey runs on loopback. The baseline answers one of the questions, which failed and why, as the vendor's client for
Python lets one: job by job, in the same run. It walks `--walked` of them (10,000), and its time is scaled to all.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections import Counter
from pathlib import Path
from typing import Any

import redis
from bullmq import Job, Queue

from tasks.check import Check
from tasks.kept import one_question
from tasks.queues.checks import (
    check_queue_backlog,
    check_queue_pace,
    check_queue_paused,
    check_queue_schedulers,
    check_queue_workers,
    check_stalled_jobs,
)
from tasks.queues.failures import check_failed_jobs, check_poisoned_jobs
from tasks.queues.retry import RetryFailedJobs
from tests.tasks.queues.jobs import BASE, NAME, door, meta, now_ms, vendor
from tests.valkey import Valkey, running

QUESTIONS: tuple[Check[Any], ...] = (
    check_queue_backlog,
    check_queue_workers,
    check_queue_paused,
    check_queue_pace,
    check_failed_jobs,
    check_poisoned_jobs,
    check_stalled_jobs,
    check_queue_schedulers,
)
PAGE = 10_000
# In the server, or filling would take longer than all the rest. Five reasons, with numbers of their own in them.
FILL = """
local base, first, last, now, where = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local reasons = {'connect ECONNREFUSED 192.0.2.7:443', 'Request failed with status code 503',
  'timeout of 5000ms exceeded', '550 5.1.1 no such user', "Cannot read properties of undefined (reading 'id')"}
for n = first, last do
  local at = string.format('%.0f', now - (n % 3000000))
  redis.call('HSET', base .. n, 'name', 'send', 'data', '{"to":"x"}', 'opts', '{"attempts":1}', 'timestamp', at)
  if where == 'wait' then redis.call('LPUSH', base .. 'wait', n) else
    redis.call('HSET', base .. n, 'failedReason', reasons[n % 5 + 1] .. ' ' .. n, 'finishedOn', at, 'atm', 1, 'ats', 1,
      'stacktrace', '["' .. string.rep('x', 500) .. '"]')
    redis.call('ZADD', base .. 'failed', at, n)
  end
end
"""


def fill(client: redis.Redis, waiting: int, failed: int) -> None:
    meta(client)
    for where, first, last in (("wait", 1, waiting), ("failed", waiting + 1, waiting + failed)):
        for begin in range(first, last + 1, PAGE):
            client.eval(FILL, 1, BASE, begin, min(begin + PAGE - 1, last), now_ms(), where)


def ours(server: Valkey) -> dict[str, float]:
    """Each question by itself, as a watch asks it; and the plan of a retry."""
    took: dict[str, float] = {}
    began = time.monotonic()
    assert door(server, 0).queues() == (NAME,)
    # Only where nobody has named them, and once a round.
    took["queues found by keys"] = time.monotonic() - began
    queues = door(server, 0, names=(NAME,))
    for asked in QUESTIONS:
        began = time.monotonic()
        with one_question():
            asked.fn(queues)
        took[asked.name] = time.monotonic() - began
    began = time.monotonic()
    RetryFailedJobs().plan(queues)
    took["plan of a retry"] = time.monotonic() - began
    return took


def theirs(server: Valkey, number: int) -> float:
    """Why jobs failed, job by job: seconds for so many."""

    async def walked(queue: Queue) -> float:
        began, reasons = time.monotonic(), Counter[str]()
        for at in range(number):
            for one in await queue.client.zrevrange(f"{BASE}failed", at, at):
                found = await Job.fromId(queue, one)
                reasons[found.failedReason] += 1
        return time.monotonic() - began

    return float(vendor(server, 0, walked))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("waiting", nargs="?", type=int, default=1_000_000)
    asked.add_argument("failed", nargs="?", type=int, default=100_000)
    asked.add_argument("--walked", type=int, default=10_000)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    with running("--maxmemory", "0", "--appendonly", "no") as server, server.client() as client:
        fill(client, given.waiting, given.failed)
        size = int(client.info("memory")["used_memory"])
        took = ours(server)
        # Before the vendor's client has anything in memory.
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        walked = theirs(server, min(given.walked, given.failed))
    scaled = walked * given.failed / max(min(given.walked, given.failed), 1)
    times = scaled / took[check_failed_jobs.name]
    print(f"{NAME}: {given.waiting:,} waiting, {given.failed:,} failed, {size / 2**20:,.0f} MiB on the server")
    for name, seconds in took.items():
        print(f"{name:24} {seconds * 1000:8.0f} ms")
    print(f"{'peak of our memory':24} {peak / 2**20:8.0f} MiB")
    print(f"{'job by job':24} {scaled:8.1f} s for all ({walked:.1f} s walked), {times:.0f} times ours")
    if given.json:
        told = {"took_s": took, "peak_bytes": peak, "job_by_job_s": scaled, "times": times}
        given.json.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
