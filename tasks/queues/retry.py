"""Failed jobs are put back: as many as fit a description that was approved, and never one that failed after it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from tasks.bounded import Bounded, Bounds
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row
from tasks.postgres.words import count
from tasks.queues.changing import refuse_bull, refuse_paused_5, retry
from tasks.queues.failures import POISONED
from tasks.queues.found import BULLMQ, STALLED, Failed, Look, held_back
from tasks.queues.system import Queues

HOUR_MS = 3_600_000
# What failed longer before the newest is of another day: a password reset of last week must not go out now.
DAY_MS = 24 * HOUR_MS
# Of one queue and reason at a time. The rest is asked about next.
MOST = 5000
EXAMPLES = 3
NOTHING = "Nothing to retry: no job failed for a reason that passes by itself."
# Reasons that pass by themselves: the far side, or the way there. Others fail again, and may do half their work first.
_PASSING = re.compile(
    r"\b(ECONN(REFUSED|RESET|ABORTED)|ETIMEDOUT|ESOCKETTIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH|ENETUNREACH)\b"
    r"|\b5\d\d\b|\b429\b|timed? ?out|temporar|unavailable|overload|too many requests|rate.?limit|connection|network"
    r"|socket|bad gateway",
    re.IGNORECASE,
)


class RetryFailedJobs(Bounded):
    """Put failed jobs back into their queue.

    Those of the last day whose reason passes by itself (refused, timed out, unavailable, held back, a worker that
    died), by BullMQ's own script. Left out: what fails for another reason, and jobs that failed again and again.
    """

    undo = NoWayBack(
        loses="What the jobs do is done again. One that failed after it had sent its mail sends it twice, unless it "
        "hands over an idempotency key."
    )

    def plan(self, queues: Queues) -> Plan:
        found: list[Failed] = []
        kept, left_out, refused = 0, 0, ""
        for look in queues.looks():
            kept += look.failed
            if not look.failed:
                continue
            if look.library != BULLMQ:
                refused = f" {look.queue} is Bull's, and is left alone."
                continue
            refuse_paused_5(look)
            jobs = _lately(queues, look)
            fit = [job for job in jobs if _again(job)]
            left_out += len(jobs) - len(fit)
            found += fit
        return _plan(found, kept, f"{_left_out(left_out)}{refused}")

    def within(self, approved: Plan, queues: Queues) -> Plan:  # type: ignore[override]
        commands: list[Command] = []
        touched = kept = 0
        for command in approved.commands:
            bounds = Bounds.of_command(command)
            if there := min(len(_matching(queues, bounds)), bounds.most):
                commands.append(command)
                touched += there
        kept = sum(look.failed for look in queues.looks())
        radius = BlastRadius(touched=touched, total=max(kept, touched), noun="failed jobs")
        does = f"{approved.does} Of that, {count(touched, 'job').lower()} still {'fits' if touched == 1 else 'fit'}."
        return dataclasses.replace(approved, does=does, commands=tuple(commands), blast_radius=radius)

    def apply(self, queues: Queues, plan: Plan) -> Outcome:
        rows: list[Row] = []
        went, left = 0, 0
        for command in plan.commands:
            bounds = Bounds.of_command(command)
            queue = str(bounds.of["queue"])
            look = queues.look(queue)
            refuse_bull(look)
            refuse_paused_5(look)
            jobs = _matching(queues, bounds)
            gone = retry(queues, queue, jobs, bounds.most)
            still = len(_matching(queues, bounds))
            went, left = went + len(gone), left + still
            rows.append({"queue": queue, "reason": str(bounds.of["reason"]), "retried": len(gone), "left": still})
        return Outcome(
            says=f"{count(went, 'job')} went back into {'its' if went == 1 else 'their'} queue; "
            f"{left:,} of what was approved {'is' if left == 1 else 'are'} left among the failed.",
            complete=not left,
            rows=rows,
        )

    def applied(self, queues: Queues, plan: Plan) -> bool | None:
        return not any(_matching(queues, Bounds.of_command(command)) for command in plan.commands)


def _lately(queues: Queues, look: Look) -> list[Failed]:
    """What failed within the day before the newest failure: a queue in which nothing happens is described the same."""
    newest = queues.newest_failure_ms(look.queue)
    return queues.failed_jobs(look.queue, _since(newest), newest) if newest else []


def _since(newest_ms: int) -> int:
    return newest_ms // HOUR_MS * HOUR_MS - DAY_MS


def _again(job: Failed) -> bool:
    return job.in_vain < POISONED.bad and (bool(_PASSING.search(job.reason)) or STALLED in job.reason)


def _matching(queues: Queues, bounds: Bounds) -> list[Failed]:
    """The jobs that fit, the oldest first."""
    jobs = queues.failed_jobs(str(bounds.of["queue"]), int(str(bounds.of["since"])), bounds.until)
    return [job for job in reversed(jobs) if job.reason == bounds.of["reason"] and _again(job)]


def _plan(found: Sequence[Failed], kept: int, left_out: str) -> Plan:
    kinds: dict[tuple[str, str], list[Failed]] = {}
    for job in found:
        kinds.setdefault((job.queue, job.reason), []).append(job)
    described = [(_bounds(kind, jobs), jobs) for kind, jobs in sorted(kinds.items())]
    touched = sum(bounds.most for bounds, _ in described)
    warned = [bounds.of["reason"] for bounds, _ in described if held_back(str(bounds.of["reason"]))]
    does = f"Put {count(touched, 'job').lower()} that failed back into {'its' if touched == 1 else 'their'} queue."
    if warned:
        does += f" Some were held back for their pace (“{warned[0]}”): all at once they will be again."
    return Plan(
        does=f"{does if described else NOTHING}{left_out}",
        commands=tuple(_command(bounds) for bounds, _ in described),
        blast_radius=BlastRadius(touched=touched, total=max(kept, touched), noun="failed jobs"),
        risk=Risk.MODERATE,
        loses=RetryFailedJobs.undo.loses,
        evidence=[_seen(bounds, jobs) for bounds, jobs in described],
        language="text",
    )


def _bounds(kind: tuple[str, str], jobs: Sequence[Failed]) -> Bounds:
    newest = max(job.at_ms for job in jobs)
    oldest = sorted(job.at_ms for job in jobs if job.at_ms >= _since(newest))[:MOST]
    # By its own newest one: what fails meanwhile for another reason changes nothing in these words.
    of: Row = {"queue": kind[0], "reason": kind[1], "since": _since(newest)}
    return Bounds(of=of, until=oldest[-1], most=len(oldest))


def _command(bounds: Bounds) -> Command:
    until = datetime.fromtimestamp(bounds.until / 1000, UTC)
    line = (
        f"retry jobs of {bounds.of['queue']} that failed until {until:%Y-%m-%d %H:%M:%S} UTC, reason "
        f"{bounds.of['reason']}, at most {bounds.most}"
    )
    return Command(line=line, target=bounds.target)


def _seen(bounds: Bounds, jobs: Sequence[Failed]) -> Row:
    names = sorted({job.name for job in jobs})[:EXAMPLES]
    return {
        "queue": str(bounds.of["queue"]),
        "reason": str(bounds.of["reason"]),
        "jobs": len(jobs),
        "names": names,
        "tried again before": sum(job.in_vain > 0 for job in jobs),
        "pace": "held back" if held_back(str(bounds.of["reason"])) else "",
    }


def _left_out(number: int) -> str:
    return f" {count(number, 'job')} left out: another reason, or failed again and again." if number else ""
