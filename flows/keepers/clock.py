"""Do schedules begin what they should? Prefect's server answers that it is healthy when none of them does.

1. The scheduler plans ahead: at least three runs of each schedule, and at least an hour. Where it stops, that shrinks.
2. A planned run begins at its time, or is late: then a worker is missing, or one is there and takes none.
3. Each of Prefect's own loops comes round, and does not fail round after round (deployments/service_loops.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from flows.run.clock import now
from flows.run.planned import deployments, soonest_first, tagged, waiting

LOOPS = "/incident/loops"
# The scheduler plans an hour ahead, once a minute (Prefect's `min_scheduled_time` and `loop_seconds`); another minute
# for a round that takes long.
AHEAD = timedelta(minutes=58)
# It plans at most a hundred runs at once (`max_runs`): a schedule tighter than this never reaches an hour.
TIGHTEST = timedelta(hours=1) / 100
# New schedules are planned within seconds by a loop of their own, and at the latest by the next round of the other one.
GRACE = timedelta(seconds=70)
# Our worker is called, and looks by itself every fifteen seconds; what is due beyond its places waits for one.
LATE = timedelta(seconds=60)
# While runs begin, the others wait for a place: the least urgent for a quarter of an hour (deployments/worker.py).
QUEUED = timedelta(minutes=20)
# A worker reports every 30 s (Prefect's default). One report may get lost.
SILENT = timedelta(seconds=70)
# One failed round may be the database's restart.
FAILED = 2
# How much later than due a round may end. The longest, over hundreds of schedules, took seconds.
OVERDUE_S = 60.0
# So many are named; the others are counted.
NAMED = 3


RESTART = "incident up   # after a Ctrl-C; the stack's prefect.log says why"

LINE_END = "\n"

NO_ANSWER = "prefect"
NO_RUNS = "no-runs"
NO_WORKER = "no-worker"
TAKES_NONE = "takes-none"
BAD_LOOPS = "loops"
ALL = (NO_ANSWER, NO_RUNS, NO_WORKER, TAKES_NONE, BAD_LOOPS)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why schedules do not begin what they should. `key` is one of ALL; `title` is for a message's first line."""

    key: str
    title: str
    says: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What was seen. `next_run` is when the next planned run begins, if there is any."""

    troubles: tuple[Trouble, ...]
    schedules: int = 0
    next_run: datetime | None = None
    # A server that we did not start does not tell.
    loops_seen: bool = False


def look(tag: str, pool: str) -> Clock:
    """One look at the schedules of the deployments with this tag, and at the workers of this pool."""
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            return _seen(client, tag, pool)
    except httpx.HTTPError as error:
        # The first line names the address and the status; what follows is advice for programmers.
        says = f"Prefect does not answer: {type(error).__name__}, {str(error).partition(LINE_END)[0]}"
        gone = Trouble(key=NO_ANSWER, title="Prefect does not answer", says=says, remedy="incident up")
        return Clock(troubles=(gone,))


def _seen(client: Any, tag: str, pool: str) -> Clock:
    scheduled = [d for d in deployments(client, tag) if not d.paused and any(s.active for s in d.schedules)]
    loops = _loops(client)
    late, by = _late(client, tag)
    coming = client.read_flow_runs(
        deployment_filter=tagged(tag), flow_run_filter=waiting(after=now()), sort=soonest_first(), limit=1
    )
    return Clock(
        troubles=(
            *_unplanned(client, tag, scheduled),
            *_untaken(client, pool, late, by),
            *_broken(loops or []),
        ),
        schedules=len(scheduled),
        next_run=coming[0].next_scheduled_start_time if coming else None,
        loops_seen=loops is not None,
    )


def _unplanned(client: Any, tag: str, scheduled: Sequence[Any]) -> Iterator[Trouble]:
    """Schedules whose plan does not reach as far as the scheduler's last round should have made it."""
    planned = {d.id for d in deployments(client, tag, flow_run_filter=waiting(after=now() + AHEAD))}
    lacking = sorted(d.name for d in scheduled if d.id not in planned and _judged(d))
    if lacking:
        yield Trouble(
            key=NO_RUNS,
            title="the scheduler creates no runs",
            says=f"The scheduler creates no runs for {len(lacking)} of {len(scheduled)} schedules ({_named(lacking)}): "
            "what is watched is not looked at, and maintenance does not begin.",
            remedy=RESTART,
        )


def _judged(deployment: Any) -> bool:
    """Has it been there long enough, and is it asked seldom enough, to be planned for an hour?"""
    active = [s for s in deployment.schedules if s.active]
    changed = max(moment for moment in (deployment.updated, *(s.updated for s in active)) if moment is not None)
    tight = any(getattr(s.schedule, "interval", TIGHTEST) < TIGHTEST for s in active)
    return now() - changed > GRACE and not tight


def _late(client: Any, tag: str) -> tuple[int, timedelta]:
    """How many runs nobody took in time, and by how much they are late at least."""
    late = client.count_flow_runs(deployment_filter=tagged(tag), flow_run_filter=waiting(before=now() - LATE))
    if not late or not client.count_flow_runs(deployment_filter=tagged(tag), flow_run_filter=_begun(now() - LATE)):
        return late, LATE
    late = client.count_flow_runs(deployment_filter=tagged(tag), flow_run_filter=waiting(before=now() - QUEUED))
    return late, QUEUED


def _untaken(client: Any, pool: str, late: int, by: timedelta) -> Iterator[Trouble]:
    runs = f"{late} runs are late by more than {by.total_seconds():.0f} s" if late != 1 else "One run is late"
    if not _workers(client, pool):
        yield Trouble(
            key=NO_WORKER,
            title="no worker takes runs",
            says=f"No worker of the pool {pool!r} has reported for {SILENT.total_seconds():.0f} s: nothing is executed "
            f"and no approval is acted on. {runs if late else 'No run is late yet'}.",
            # Never Prefect's own worker: it executes whatever the API says.
            remedy="incident up, or on another machine: python -P -m deployments.worker --name NAME",
        )
    elif late:
        yield Trouble(
            key=TAKES_NONE,
            title="runs are late",
            says=f"{runs}: a worker of the pool {pool!r} is there, and takes none.",
            remedy=f"prefect work-pool resume {pool}   # if somebody paused it; if not, Ctrl-C and again: incident up",
        )


def _workers(client: Any, pool: str) -> list[Any]:
    try:
        found = client.read_workers_for_work_pool(pool)
    except httpx.HTTPStatusError as error:
        if not _missing(error):
            raise
        return []  # the first worker makes the pool
    # Not its status: that is kept by a loop of Prefect's, which may be the one that fails.
    return [worker for worker in found if worker.last_heartbeat_time and now() - worker.last_heartbeat_time < SILENT]


def _broken(loops: Sequence[dict[str, Any]]) -> Iterator[Trouble]:
    said = [sentence for loop in loops if (sentence := _complaint(loop))]
    if said:
        yield Trouble(
            key=BAD_LOOPS,
            title="a part of Prefect's server fails",
            says=f"Prefect answers, but not all of it works. {' '.join(said[:NAMED])}",
            remedy=RESTART,
        )


def _complaint(loop: dict[str, Any]) -> str:
    if loop["failed"] >= FAILED:
        return f"{loop['service']} failed {loop['failed']} times in a row: {loop['says']}."
    if loop["ended_s_ago"] > loop["every_s"] + OVERDUE_S:
        due = f"is due every {loop['every_s']:.0f} s"
        return f"{loop['service']} {due}, and has not come round for {loop['ended_s_ago']:.0f} s."
    return ""


def _loops(client: Any) -> list[dict[str, Any]] | None:
    """The loops of a server of ours; None: this is another one, which does not tell."""
    try:
        loops: list[dict[str, Any]] = client.request("GET", LOOPS).json()
    except httpx.HTTPStatusError as error:
        if not _missing(error):
            raise
        return None
    return loops


def _missing(error: httpx.HTTPStatusError) -> bool:
    return error.response.status_code == httpx.codes.NOT_FOUND


def _begun(after: datetime) -> Any:
    """Runs that began after that moment."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterStartTime

    return FlowRunFilter(start_time=FlowRunFilterStartTime(after_=after))  # type: ignore[arg-type]


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"
