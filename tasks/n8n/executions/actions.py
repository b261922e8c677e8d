"""What can be done about runs: retry those that failed for certain, stop those that never end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from tasks.action import Action
from tasks.kept import one_question
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.n8n import reading
from tasks.n8n.executions.checks import STUCK_LIMIT, named, names_of, seconds_over
from tasks.n8n.executions.failure import Failure
from tasks.n8n.executions.lately import lately, look, under_way, why
from tasks.n8n.system import N8n
from tasks.n8n.told import Execution, State
from tasks.postgres.words import span

# As many as a person can look through; the others are asked about in a round of their own.
MOST_AT_ONCE = 50
# As many are read for it: the others of these cannot be retried.
MOST_READ = 2 * MOST_AT_ONCE
# Each retry is told when it is over, after ten seconds at most; what has no turn by then is left for the next round.
ACTS_WITHIN_S = 120.0
SENT = (
    "What the runs do from the failed node on cannot be called back. n8n begins at that node again, with all its "
    "items; nodes before it are not run again. The limit on concurrency does not hold retries back."
)


class RetryFailed(Action):
    """Retry the runs that failed for certain.

    Those of the last hour whose error says that nothing was done: refused, not found, not connected, or one that only
    reads. Left alone, each with why: what was cut off or got no answer in time (a retry sends again), what n8n does not
    tell for certain, code, agents and workflows within one (a part may be done), a node with several items (n8n sends
    all of them again), and what a retry has made good. Each runs as its workflow was then.
    """

    narrows = True
    undo = NoWayBack(loses=SENT)

    def plan(self, n8n: N8n) -> Plan:
        open_ones = sorted(lately(n8n).open, key=_oldest)
        read = why(n8n, open_ones[:MOST_READ])
        chosen = [one for one in read if one.retryable][:MOST_AT_ONCE]
        left = [one for one in read if not one.retryable]
        names = names_of(n8n) if read else {}
        more = len(open_ones) - len(chosen) - len(left)
        kinds = sorted({f"{one.node or one.kind} ({one.kind})" for one in chosen})
        told = f" {len(left)} are left alone: a retry may do something twice." if left else ""
        told += f" {more:,} more come in a round of their own." if more > 0 else ""
        does = f"Retry {len(chosen)} failed runs, from: {', '.join(kinds[:6])}." if chosen else "No run can be retried."
        return Plan(
            does=does + told,
            commands=tuple(_retry(n8n, one, named(one.execution, names)) for one in chosen),
            blast_radius=BlastRadius(touched=len(chosen), total=max(len(open_ones), 1), noun="failed runs"),
            risk=Risk.MODERATE,
            loses=SENT,
            evidence=[_row(one, named(one.execution, names)) for one in [*chosen, *left]],
            language="http",
        )

    def apply(self, n8n: N8n, plan: Plan) -> Outcome:
        until = time.monotonic() + ACTS_WITHIN_S
        fates: list[Row] = []
        left: list[Row] = []
        # One connection for all; what n8n told before is void after each retry.
        with one_question():
            retries = look(n8n).retries
            for target in (planned.target for planned in plan.commands):
                late = time.monotonic() >= until
                says, done = ("no time left", False) if late else _retried(n8n, str(target["execution"]), retries)
                fates.append({"execution": target["execution"], "became": says})
                if not done:
                    left.append(target)
        good = sum(fate["became"] == State.SUCCESS for fate in fates)
        return Outcome(
            says=f"{good} of {len(fates)} retried runs succeeded; {len(left)} were not retried.",
            complete=not left,
            rows=fates,
            not_done=left,
        )

    def applied(self, n8n: N8n, plan: Plan) -> bool | None:
        with one_question():
            retries = look(n8n).retries
            return all(_has_been_retried(n8n, str(planned.target["execution"]), retries) for planned in plan.commands)


class StopStuck(Action):
    """Stop the runs that do not end.

    Exactly those that have run longer than the limit. One that waits for its time is not stuck, and one that was
    retried is another run.
    """

    narrows = True
    undo = NoWayBack(loses="What the runs had not done yet. What they had asked for already may still be done.")

    def plan(self, n8n: N8n, running: Threshold = STUCK_LIMIT) -> Plan:
        now = datetime.now(UTC)
        there = under_way(n8n, State.RUNNING).runs
        stuck = sorted((run for run in there if seconds_over(run, now) >= running.bad), key=_oldest)[:MOST_AT_ONCE]
        names = names_of(n8n) if stuck else {}
        return Plan(
            does=f"Stop {len(stuck)} of {len(there)} runs, those that run for {span(running.bad)} or longer."
            if stuck
            else f"Nothing to stop: no run goes on for {span(running.bad)} or longer.",
            commands=tuple(
                Command(
                    line=f"POST {n8n.api}/executions/{run.id}/stop  # {named(run, names)}", target={"execution": run.id}
                )
                for run in stuck
            ),
            blast_radius=BlastRadius(touched=len(stuck), total=max(len(there), 1), noun="runs that go on"),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[
                {"execution": run.id, "workflow": named(run, names), "for": span(seconds_over(run, now))}
                for run in stuck
            ],
            language="http",
        )

    def apply(self, n8n: N8n, plan: Plan) -> Outcome:
        left: list[Row] = []
        for planned in plan.commands:
            try:
                n8n.stop(str(planned.target["execution"]))
            except Refused:
                # It has ended by itself, or somebody else has stopped it.
                left.append(planned.target)
        stopped = len(plan.commands) - len(left)
        return Outcome(
            says=f"Stopped {stopped} runs; {len(left)} had ended already.", complete=True, not_done=left
        )  # fmt: skip

    def applied(self, n8n: N8n, plan: Plan) -> bool | None:
        going_on = {run.id for run in under_way(n8n, State.RUNNING).runs}
        return not any(planned.target["execution"] in going_on for planned in plan.commands)


def _oldest(run: Execution) -> tuple[int, str]:
    """Ids are numbers, made one after the other; where they are none, any order that stays the same."""
    return (int(run.id) if run.id.isdecimal() else 0, run.id)


def _retry(n8n: N8n, one: Failure, workflow: str) -> Command:
    run = one.execution
    return Command(
        line=f"POST {n8n.api}/executions/{run.id}/retry  # {workflow}: {one.node}, {one.kind}",
        target={"execution": run.id, "workflow": run.workflow},
    )


def _row(one: Failure, workflow: str) -> Row:
    return {
        "execution": one.execution.id,
        "workflow": workflow,
        "node": one.node,
        "class": one.kind.value,
        "says": one.says,
        "done before it": one.done_before,
        "left alone because": one.again,
    }


def _retried(n8n: N8n, name: str, retries: Mapping[str, str]) -> tuple[str, bool]:
    """What became of it, and whether it was retried by us, or may have been."""
    if _has_been_retried(n8n, name, retries):
        return "retried by somebody else", False
    try:
        return n8n.retry(name).state, True
    except Refused as error:
        return error.says, False
    except CannotLook as error:
        # n8n answers when the run is over. One that goes on is there already.
        going_on = look(n8n).retries.get(name)
        return (f"goes on as {going_on}" if going_on else error.says), True


def _has_been_retried(n8n: N8n, name: str, retries: Mapping[str, str]) -> bool:
    """By the runs that were made from it, and by what n8n marks where a retry succeeded."""
    if name in retries:
        return True
    told = n8n.execution(name)
    return told is not None and bool(reading.execution(told).retried_as)
