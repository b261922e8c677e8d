"""What we ask job queues: does what is due get done, by whom, how fast, and is anything stuck?"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tasks.check import check
from tasks.excerpt import excerpt
from tasks.model import Earlier, Finding, Row, Threshold, Verdict
from tasks.postgres.words import count, limit, span
from tasks.queues.found import BULLMQ, Look
from tasks.queues.system import Queues

DUE = Threshold(
    warn=300,
    bad=900,
    because="Owner: the team on call. In seconds since the oldest job is due. Depth alone tells little: the sources "
    "want to know at 100 and at 500 jobs, and at a hundred a minute 500 are five minutes' work.",
)
PAUSED = Threshold(
    warn=0,
    bad=3600,
    because="Owner: the team on call. In seconds: a queue that is paused and forgotten is an outage of our own making. "
    "After an hour somebody is asked whether it is still meant.",
)
STALLED = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. In jobs whose worker is gone. BullMQ's workers look every 30 s and put them back "
    "once; a job whose worker dies twice fails for good, whatever its attempts. Ten at once are a crash of all.",
)
# How long a queue may complete nothing while jobs are due and somebody works: as long as one may be due at all.
PACE_S = 300.0
# A tick is a delayed job: workers move it within seconds. Twice their own look for what stalled.
TICK_S = 60.0
SHOWN = 20
NONE = "There is no queue."


@check
def check_queue_backlog(queues: Queues, age: Threshold = DUE) -> Finding:
    """Since when is the oldest job due that nobody has taken?

    By each queue's own age: waiting, prioritised, held back by a pause, or delayed beyond its moment. How many there
    are is told, and judged by nothing. A job that was tried before does not tell since when it waits again.
    """
    looks = queues.looks()
    now_ms = time.time() * 1000
    rows: list[Row] = [_standing(look, now_ms) for look in looks]
    waited = {look.queue: _waited_s(look, now_ms) for look in looks}
    worst = max(looks, key=lambda look: (waited[look.queue], look.due), default=None)
    if worst is None:
        return Finding(verdict=Verdict.OK, says=NONE, value=0.0, unit="s")
    blind = [look for look in looks if look.unknown and not look.oldest_ms]
    if blind and not any(age.judge(seconds) for seconds in waited.values()):
        one = blind[0]
        return Finding.unknown(
            f"{count(one.due, 'job', 'wait')} in {one.queue}, and each was tried before: since when they wait is "
            "written nowhere."
        )
    due = sum(look.due for look in looks)
    old = f", the oldest for {span(waited[worst.queue])}, in {worst.queue} ({worst.due:,} jobs)" if due else ""
    return Finding(
        verdict=age.judge(waited[worst.queue]),
        says=f"{count(due, 'job')} {'are' if due > 1 else 'is'} due in {count(len(looks), 'queue').lower()}{old} (bad "
        f"from {limit(age.bad)}).",
        value=waited[worst.queue],
        unit="s",
        facts={"due": due, "queue": worst.queue},
        rows=rows[:SHOWN],
    )


def _waited_s(look: Look, now_ms: float) -> float:
    return max(now_ms - look.oldest_ms, 0.0) / 1000 if look.oldest_ms and look.due else 0.0


def _standing(look: Look, now_ms: float) -> Row:
    return {
        "queue": look.queue,
        "kept by": look.said,
        "paused": look.paused,
        "due": look.due,
        "oldest due for s": round(_waited_s(look, now_ms)),
        "active": look.active,
        "delayed": look.delayed,
        "prioritized": look.prioritized,
        "failed": look.failed,
        "completed": look.completed,
    }


@check
def check_queue_workers(queues: Queues) -> Finding:
    """Does each queue have a worker?

    By the names of the connections to the server, which BullMQ's and Bull's workers give themselves. Bad where jobs are
    due or under way and nobody is there; a queue in which nothing is due may have none.
    """
    looks, workers = queues.looks(), queues.workers()
    alone = [look for look in looks if not workers.get(look.queue)]
    bad = [look for look in alone if (look.due or look.active) and not look.paused]
    warned = [look for look in alone if look not in bad and (look.due or look.active or look.delayed)]
    rows: list[Row] = [
        {"queue": look.queue, "connections": workers.get(look.queue, 0), "due": look.due, "paused": look.paused}
        for look in looks
    ]
    if sick := bad or warned:
        more = f" (and {len(sick) - 1} more)" if len(sick) > 1 else ""
        one = max(sick, key=lambda look: look.due)
        what = f"{one.due:,} jobs are due" if one.due else f"{one.delayed:,} jobs are planned" if one.delayed else ""
        return Finding(
            verdict=Verdict.BAD if bad else Verdict.WARN,
            says=f"Nobody works on {one.queue}{more}: {what or f'{one.active:,} jobs were left under way'}.",
            value=float(len(sick)),
            unit="queues",
            facts={"queue": one.queue},
            rows=rows[:SHOWN],
        )
    there = sum(workers.values())
    says = f"{count(there, 'connection')} of workers to {count(len(looks), 'queue').lower()}." if looks else NONE
    return Finding(verdict=Verdict.OK, says=says, value=0.0, unit="queues", rows=rows[:SHOWN])


@check
def check_queue_paused(queues: Queues, paused: Threshold = PAUSED, earlier: Earlier | None = None) -> Finding:
    """Is a queue paused?

    By the mark that its library sets, not by where its jobs are: BullMQ 6 leaves them where they were. Since when is
    written nowhere; it counts from the first look that saw it.
    """
    now_s = time.time()
    held = [look for look in queues.looks() if look.paused]
    before = earlier.facts.get("since") if earlier else None
    known = before if isinstance(before, dict) else {}
    since = {look.queue: min(float(str(known.get(look.queue, now_s))), now_s) for look in held}
    if not held:
        return Finding(verdict=Verdict.OK, says="No queue is paused.", value=0.0, unit="s", facts={"since": {}})
    longest = max(now_s - at for at in since.values())
    names = ", ".join(look.queue for look in held[:3])
    return Finding(
        verdict=max(paused.judge(longest), Verdict.WARN),
        says=f"{count(len(held), 'queue')} {'is' if len(held) == 1 else 'are'} paused ({names}), for {span(longest)} "
        f"at least (bad from {limit(paused.bad)}); {sum(look.due for look in held):,} jobs wait in them.",
        value=longest,
        unit="s",
        facts={"since": dict(since)},
        rows=[{"queue": look.queue, "due": look.due, "active": look.active} for look in held[:SHOWN]],
    )


@check
def check_queue_pace(queues: Queues, age: Threshold = DUE) -> Finding:
    """Is anything completed while jobs are due?

    Within the last five minutes, by the events or by what is kept of completed jobs. Bad where somebody works, jobs are
    due for longer than the limit of the backlog warns of, and nothing was finished, well or not.
    """
    looks, workers = queues.looks(), queues.workers()
    now_ms = time.time() * 1000
    rows: list[Row] = []
    hung: list[Look] = []
    blind: list[Look] = []
    pace = 0.0
    for look in looks:
        ended = queues.finished(look.queue, PACE_S)
        done, failed = ended.completed, ended.failed
        a_minute = (done or 0) * 60_000 / max(now_ms - ended.since_ms, 1)
        pace += a_minute
        # As many as there are, at the pace of the last minutes.
        left_s = look.due / a_minute * 60 if a_minute and look.due else 0.0
        rows.append(
            {"queue": look.queue, "completed": done, "failed": failed, "due": look.due, "empty in s": round(left_s)}
        )
        busy = look.due and not look.paused and workers.get(look.queue)
        if busy and not failed and age.judge(_waited_s(look, now_ms)):
            hung += [look] if done == 0 else []
            blind += [look] if done is None else []
    if hung:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{hung[0].queue} has {hung[0].due:,} jobs due and workers, and finished nothing for {limit(PACE_S)}: "
            "they hang, or wait for a job that does.",
            value=0.0,
            unit="jobs a minute",
            facts={"queue": hung[0].queue},
            rows=rows[:SHOWN],
        )
    if blind:
        return Finding.unknown(f"What {blind[0].queue} completes is removed at once, and its events do not tell.")
    return Finding(
        verdict=Verdict.OK,
        says=f"{pace:,.1f} jobs a minute were completed within the last {limit(PACE_S)}.",
        value=pace,
        unit="jobs a minute",
        rows=rows[:SHOWN],
    )


@check
def check_stalled_jobs(queues: Queues, stalled: Threshold = STALLED) -> Finding:
    """Are jobs under way whose worker is gone?

    Those that count as active and that no worker holds the lock of any more. Workers that live put them back within a
    minute; where none lives, nobody does.
    """
    rows: list[Row] = []
    total = 0
    for look in queues.looks():
        gone = queues.without_lock(look.queue) if look.active else []
        total += len(gone)
        rows += [
            {"queue": look.queue, "id": i, "name": n, "begun ms": at, "stalled": times} for i, n, at, times in gone
        ]
    lost = "has lost its worker" if total == 1 else "have lost their workers"
    return Finding(
        verdict=stalled.judge(total),
        says=f"{count(total, 'job')} under way {lost} (bad from {stalled.bad:.0f})."
        if total
        else "Each job under way is held by a worker.",
        value=float(total),
        unit="jobs",
        rows=rows[:SHOWN],
    )


@check
def check_queue_schedulers(queues: Queues) -> Finding:
    """Does every scheduler still have its next job?

    BullMQ keeps a scheduler's next tick as a delayed job. Where that is drained or removed, the scheduler is listed as
    before and never ticks again. Of Bull only that a tick is long due can be told.
    """
    now_ms = time.time() * 1000
    lost: list[Row] = []
    late: list[Row] = []
    total = 0
    for look in queues.looks():
        number, found = queues.schedulers(look.queue)
        total += number
        for name, due_ms, there in found:
            row: Row = {"queue": look.queue, "scheduler": name, "due s ago": round((now_ms - due_ms) / 1000)}
            if look.library == BULLMQ and not there and due_ms < now_ms - TICK_S * 1000:
                lost.append(row)
            elif due_ms < now_ms - DUE.warn * 1000:
                late.append(row)
    if lost:
        return Finding(
            verdict=Verdict.BAD,
            says=f"{count(len(lost), 'scheduler')} of {total:,} {'has' if len(lost) == 1 else 'have'} lost the next "
            f"tick, and will never tick again: {_named(lost)}.",
            value=float(len(lost)),
            unit="schedulers",
            rows=lost[:SHOWN],
            remedy="Have the application upsert it again (upsertJobScheduler): that plans its next tick.",
        )
    tick = f"{count(len(late), 'scheduler')} of {total:,} should have ticked {limit(DUE.warn)} ago: {_named(late)}."
    return Finding(
        verdict=Verdict.WARN if late else Verdict.OK,
        says=tick if late else f"{count(total, 'scheduler')}, each with its next tick." if total else "No scheduler.",
        value=0.0,
        unit="schedulers",
        rows=late[:SHOWN],
    )


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{excerpt(str(row['scheduler']), 60)} of {row['queue']}" for row in rows[:3])
