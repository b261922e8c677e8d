"""What we ask n8n about what ran: what failed and why, what was cut off, what never ends, what waits for a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from tasks.check import check
from tasks.model import Finding, Row, Threshold, Verdict
from tasks.n8n.executions.failure import Failure
from tasks.n8n.executions.lately import READ, Lately, in_turn, lately, over_time, under_way, why
from tasks.n8n.system import N8n
from tasks.n8n.told import Execution, State
from tasks.postgres.words import limit, span

FAILED_LIMIT = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. Failed runs of the last hour that no retry has made good: one is somebody's odd "
    "row, ten are no accident (as for the application's own record of its workflows).",
)
CRASHED_LIMIT = Threshold(
    warn=0.5,
    bad=1,
    because="Owner: the team on call. What was cut off may have sent half of its mails, and n8n does not go on with it "
    "by itself: each is looked at by a person.",
)
STUCK_LIMIT = Threshold(
    warn=900,
    bad=3600,
    because="Owner: the team on call. Seconds that a run goes on: n8n ends none by itself (EXECUTIONS_TIMEOUT is off), "
    "and a workflow of minutes that still runs after an hour waits for an answer that does not come.",
)
FULL_LIMIT = Threshold(
    warn=0.8,
    bad=1,
    because="n8n (N8N_CONCURRENCY_PRODUCTION_LIMIT): at the limit the next run is queued, and who called its webhook "
    "gets no answer until a place is free, even where it is to be answered at once.",
)
# The same trouble in so many workflows is not one workflow's.
SYSTEMATIC_WORKFLOWS = 3
# Or in one: so many runs, and at least this share of all that ended.
SYSTEMATIC_RUNS = 5
SYSTEMATIC_SHARE = 0.5
SHOWN = 20


@check
def check_n8n_failures(n8n: N8n, failed: Threshold = FAILED_LIMIT) -> Finding:
    """Did workflows fail in the last hour, why, and is it one workflow or all of them?

    Counted are runs that no retry has made good; of a retry that failed, the retry. The class is read from the newest
    of each workflow in turn, 24 in all. Systematic: the same class in three workflows, or in half of at least five
    runs. What crashed is asked for apart: what n8n tells of it is made up.
    """
    seen = lately(n8n)
    open_ones = seen.open
    sample = why(n8n, in_turn(open_ones, READ))
    groups = Counter(one.kind.value for one in sample)
    systematic = _systematic(seen, sample)
    verdict = max(failed.judge(len(open_ones)), Verdict.BAD if systematic else Verdict.OK)
    names = names_of(n8n) if sample else {}
    return Finding(
        verdict=verdict,
        says=_said(seen, open_ones, groups, systematic, failed),
        value=float(len(open_ones)),
        unit="executions",
        facts=_facts(seen, open_ones, groups, bool(systematic), len(sample)),
        rows=[_row(one, names) for one in sample[:SHOWN]],
    )


@check
def check_n8n_crashed(n8n: N8n, crashed: Threshold = CRASHED_LIMIT) -> Finding:
    """Was any run cut off in the last hour, by an end of n8n itself?

    Asked for by its own state: a list of errors leaves it out. n8n does not go on with such a run; a retry begins at
    the node it was cut off at, and sends again what that had sent. Nothing is read from its data, which n8n makes up.
    """
    seen = lately(n8n)
    found = seen.cut_off
    names = names_of(n8n) if found else {}
    workflows = sorted({named(run, names) for run in found})
    least = "" if seen.crashed.whole else "at least "
    return Finding(
        verdict=crashed.judge(len(found)),
        says=f"{least}{len(found):,} runs were cut off in the last hour, of {', '.join(workflows[:5])}: what they had "
        f"sent by then nobody knows but whom they sent it to."
        if found
        else "No run was cut off in the last hour.",
        value=float(len(found)),
        unit="executions",
        rows=[{"execution": run.id, "workflow": named(run, names), "began": _at(run)} for run in found[:SHOWN]],
    )


@check
def check_n8n_stuck(n8n: N8n, running: Threshold = STUCK_LIMIT) -> Finding:
    """Does any run go on that should have ended, or wait past its time?

    Running ones by how long they run; waiting ones by how long ago they were to go on. A list without a state leaves
    out what runs, so each is asked for by name.
    """
    now = datetime.now(UTC)
    late = sorted(((run, seconds_over(run, now)) for run in moving(n8n)), key=lambda pair: -pair[1])
    sick = [(run, over_s) for run, over_s in late if running.judge(over_s)]
    longest_s = late[0][1] if late else 0.0
    names = names_of(n8n) if sick else {}
    return Finding(
        verdict=running.judge(longest_s),
        says=f"{len(sick)} runs do not end, the longest, of {named(sick[0][0], names)}, for "
        f"{span(sick[0][1])} (bad from {limit(running.bad)})."
        if sick
        else f"No run goes on for {limit(running.warn)} or longer (bad from {limit(running.bad)}).",
        value=longest_s,
        unit="s",
        rows=[
            {"execution": run.id, "workflow": named(run, names), "state": run.state, "for": span(over_s)}
            for run, over_s in sick[:SHOWN]
        ],
    )


@check
def check_n8n_concurrency(n8n: N8n, full: Threshold = FULL_LIMIT) -> Finding:
    """Does n8n run as much at once as it may, so that others wait for a place?

    Against `concurrency` in the configuration, as n8n does not tell its limit. What waits for a place has the state
    `new`: where some do, the limit is reached, whatever it is. A retry does not wait: it runs beyond the limit.
    """
    running, queued = under_way(n8n, State.RUNNING), under_way(n8n, State.NEW)
    share = len(running.runs) / n8n.concurrency if n8n.concurrency else 0.0
    share = max(share, full.bad) if queued.runs else share
    of = f" of {n8n.concurrency:,}" if n8n.concurrency else ""
    waiting = f"; {queued.said} wait for a place, and so do those who called them" if queued.runs else ""
    return Finding(
        verdict=full.judge(share),
        says=f"{running.said}{of} runs go on at once{waiting}.",
        value=float(len(queued.runs)),
        unit="executions",
        facts={"running": len(running.runs), "queued": len(queued.runs), "limit": n8n.concurrency},
    )


def moving(n8n: N8n) -> list[Execution]:
    """What runs, and what waits for a moment.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    return [run for state in (State.RUNNING, State.WAITING) for run in under_way(n8n, state).runs]


def seconds_over(run: Execution, now: datetime) -> float:
    """How long it runs, or for how long it should have gone on; 0 for what waits rightly."""
    since = run.waits_until if run.state == State.WAITING else run.started_at
    return max((now - since).total_seconds(), 0.0) if since else 0.0


def names_of(n8n: N8n) -> Mapping[str, str]:
    """Names of workflows by id.

    Raises:
        CannotLook, Refused: they cannot be had.
    """
    return {one.id: one.name for one in n8n.workflows()}


def named(run: Execution, names: Mapping[str, str]) -> str:
    return names.get(run.workflow) or run.workflow


def _systematic(seen: Lately, sample: Sequence[Failure]) -> str:
    """By which numbers it is no single workflow's trouble; empty where it is, or where there is none."""
    for kind, _ in Counter(one.kind for one in sample).most_common():
        workflows = {one.execution.workflow for one in sample if one.kind is kind}
        if len(workflows) >= SYSTEMATIC_WORKFLOWS:
            return f"{kind} fails in {len(workflows)} workflows"
    ended = len(seen.open) + len(seen.succeeded.runs)
    if len(seen.open) >= SYSTEMATIC_RUNS and len(seen.open) >= SYSTEMATIC_SHARE * ended:
        most = "" if seen.succeeded.whole else "at most "
        return f"{most}{len(seen.open) / ended:.0%} of the {ended:,} runs that ended"
    return ""


def _said(
    seen: Lately, open_ones: Sequence[Execution], groups: Counter[str], systematic: str, failed: Threshold
) -> str:
    fine = f"{seen.succeeded.said} succeeded"
    if not open_ones:
        made_good = len(seen.failed.runs)
        return (
            f"No run failed in the last hour{f' but {made_good} that a retry made good' if made_good else ''}; {fine}."
        )
    least = "" if seen.failed.whole else "At least "
    classes = ", ".join(f"{name} {count}" for name, count in groups.most_common())
    since = min((run.at for run in open_ones if run.at), default=None)
    began = f", the first at {since:%H:%M} UTC" if since and seen.failed.whole else ""
    shape = f"Systematic: {systematic}" if systematic else "Isolated"
    return (
        f"{least}{len(open_ones):,} runs failed in the last hour{began} (bad from {failed.bad:,.0f}); {fine}. "
        f"Of {sum(groups.values())} that were read: {classes}. {shape}."
    )


def _facts(seen: Lately, open_ones: Sequence[Execution], groups: Counter[str], systematic: bool, read: int) -> Row:
    return {
        "systematic": systematic,
        "by_class": dict(groups),
        "read": read,
        "all_counted": seen.failed.whole,
        "by_5_minutes": over_time(open_ones, seen.now),
        "made_good": len(seen.failed.runs) - len(open_ones),
        "succeeded": len(seen.succeeded.runs),
    }


def _row(one: Failure, names: Mapping[str, str]) -> Row:
    return {
        "execution": one.execution.id,
        "workflow": named(one.execution, names),
        "class": one.kind.value,
        "node": one.node,
        "reason": one.reason,
        "says": one.says,
        "at": _at(one.execution),
    }


def _at(run: Execution) -> str:
    return run.at.isoformat(timespec="seconds") if run.at else ""
