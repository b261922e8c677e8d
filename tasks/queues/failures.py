"""What we ask about jobs that failed: how many, why, and is it always the same one?"""

from __future__ import annotations

import time

from tasks.check import check
from tasks.excerpt import excerpt
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.postgres.words import count, limit
from tasks.queues.found import STALLED, Group
from tasks.queues.system import Queues
from tasks.rates import Rate, percent

FAILURES = Threshold(
    warn=0.01,
    bad=0.05,
    because="Owner: the team on call. Of the jobs that came to their end: the sources want to know of errors from 1 % "
    "and be woken from 5 %.",
)
FEW = Threshold(
    warn=5,
    bad=20,
    because="Owner: the team on call. In jobs, where too few came to their end for a rate, or what is completed is not "
    "kept: five are no accident, twenty are the far side.",
)
POISONED = Threshold(
    warn=2,
    bad=3,
    because="Owner: the team on call. How often a job was tried again in vain after it had used up its attempts: it is "
    "the job, not the weather. Each time it takes a worker's turn, and may do half of what it does once more.",
)
WINDOW_S = 3600.0
LEAST = 50
DAY_S = 86_400.0
SHOWN = 20


@check
def check_failed_jobs(queues: Queues, share: Threshold = FAILURES, few: Threshold = FEW) -> Finding:
    """Do jobs fail, and for which reasons?

    Those that failed for good within the last hour and still lie there; what was tried again since is not counted. The
    reasons are the jobs' own, without addresses and numbers. A job that fails in an application writes no line in any
    log by itself. "stalled more than allowable limit" is a worker that died twice, not the job's fault.
    """
    since_ms = round((time.time() - WINDOW_S) * 1000)
    looks = queues.looks()
    kept = sum(look.failed for look in looks)
    groups: list[Group] = []
    judged: list[tuple[Verdict, Rate, str]] = []
    for look in looks:
        if not look.failed:
            continue
        groups += queues.failed(look.queue, since_ms)
        ended = queues.finished(look.queue, WINDOW_S)
        rate = Rate(part=ended.failed, whole=ended.failed + (ended.completed or 0), least=LEAST)
        # What is not kept cannot be divided by.
        told = few.judge(ended.failed) if ended.completed is None else rate.judge(share, few)
        judged.append((told, rate, look.queue))
    groups.sort(key=lambda group: -group.jobs)
    failed = sum(group.jobs for group in groups)
    if not failed:
        return Finding(
            verdict=Verdict.OK,
            says=f"No job failed within the last {limit(WINDOW_S)}; {kept:,} that failed before are kept.",
            value=0.0,
            unit="ratio",
            facts={"failed": 0, "kept": kept},
        )
    verdict, rate, queue = max(judged, key=lambda one: (one[0], one[1].part))
    first = groups[0]
    return Finding(
        verdict=verdict,
        says=f"{count(failed, 'job')} failed within the last {limit(WINDOW_S)}, {first.jobs:,} of them "
        f"{first.name!r} in {first.queue}: “{first.reason}”. In {queue} it is {rate.says('jobs')} (bad "
        f"from {percent(share.bad)}, or {few.bad:.0f} of few). {kept:,} are kept.",
        value=rate.value,
        unit="ratio",
        facts={"failed": failed, "kept": kept, "queue": queue, "workers_died": _died(groups)},
        rows=[_row(group) for group in groups[:SHOWN]],
    )


def _died(groups: list[Group]) -> int:
    return sum(group.jobs for group in groups if STALLED in group.reason)


def _row(group: Group) -> Row:
    return {
        "queue": group.queue,
        "name": group.name,
        "reason": group.reason,
        "jobs": group.jobs,
        "first ms": group.oldest_ms,
        "last ms": group.newest_ms,
        "example": group.example,
    }


@check
def check_poisoned_jobs(queues: Queues, in_vain: Threshold = POISONED) -> Finding:
    """Does the same job fail again and again?

    Jobs that failed within the last day and were tried again, by a person or by us, after they had failed for good:
    each of those times counts. Attempts that the job is allowed do not.
    """
    since_ms = round((time.time() - DAY_S) * 1000)
    found = [
        one
        for look in queues.looks()
        if look.failed
        for one in queues.poisoned(look.queue, since_ms)
        if in_vain.judge(one.in_vain)
    ]
    found.sort(key=lambda one: (-one.in_vain, one.queue, one.id))
    rows: list[Row] = [
        {"queue": one.queue, "id": one.id, "name": one.name, "tried again": one.in_vain, "reason": one.reason}
        for one in found
    ]
    if not found:
        return Finding(verdict=Verdict.OK, says="No job fails again and again.", value=0.0, unit="times")
    worst = found[0]
    return Finding(
        verdict=in_vain.judge(worst.in_vain),
        says=f"{count(len(found), 'job', 'fail')} again and again; {worst.name!r} {excerpt(worst.id, 60)} of "
        f"{worst.queue} was tried again {worst.in_vain} times after it had failed for good (bad from "
        f"{in_vain.bad:.0f}): “{worst.reason}”.",
        value=float(worst.in_vain),
        unit="times",
        facts={"queue": worst.queue, "jobs": len(found)},
        rows=rows[:SHOWN],
    )
