"""What we ask an application's database about its workflows, and about what they leave undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.application.days import moment
from tasks.application.runs import DAYS, last_runs
from tasks.application.system import ApplicationDatabase
from tasks.application.workflows.queries import ERRORS, OVERDUE, PACE
from tasks.check import check
from tasks.model import Earlier, Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

OVERDUE_TICKS = Threshold(
    warn=2,
    bad=7.5,
    because="Owner: the team on call. In ticks of the scheduler, from when the oldest was due: within one tick nothing "
    "can have been done, within two a run may have been skipped. At a tick of two minutes 7.5 of them are the 15 min "
    "after which seed S3 calls a scheduler stopped.",
)

WORKFLOW_ERRORS = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. Seed S3 expects none in the morning; one failed run is made up for by the next, "
    "ten since the last look are no accident.",
)
# Who has never looked, or not for long, is told of so much.
FIRST_LOOK = timedelta(hours=24)
FARTHEST_LOOK = timedelta(days=7)

WORKFLOW_SILENCE = Threshold(
    warn=0.7,
    bad=1,
    because="Owner: the team on call. In shares of the time that a workflow is allowed without a success (`expected`); "
    "seed S3 alerts after 15 min, and at 0.7 of them five runs of two minutes were missed.",
)

SCHEDULER_TIME = Threshold(
    warn=10,
    bad=60,
    because="Owner: the team on call. Seconds for up to 1,000 enrolments: seed S3 wants less than 10. At a minute "
    "a run takes half of the two minutes until the next.",
)
# Of fewer runs the slowest of twenty cannot be told.
ENOUGH_RUNS = 5


@check
def check_overdue_enrolments(application: ApplicationDatabase, ticks: Threshold = OVERDUE_TICKS) -> Finding:
    """Does any enrolment wait for its next mail that should have been scheduled?

    Only active enrolments of campaigns that run: a paused campaign's are overdue on purpose. Two ticks of the scheduler
    are grace (`tick_s` under enrolments; two minutes).
    """
    tick_s = application.enrolments.tick_s if application.enrolments else 0.0
    rows = application.rows(OVERDUE, grace_s=ticks.warn * tick_s)

    total = int(number(rows[0]["total"])) if rows else 0
    longest_s = number(rows[0]["longest_s"]) if rows else 0.0
    bad = f"(bad from {limit(ticks.bad * tick_s)})"
    most = f", most in {_named(rows[0])}" if len(rows) > 1 else f", all in {_named(rows[0])}" if rows else ""
    return Finding(
        verdict=ticks.judge(longest_s / tick_s) if rows else Verdict.OK,
        says=f"{count(total, 'enrolment')} {'is' if total == 1 else 'are'} overdue, the oldest for {span(longest_s)} "
        f"{bad}{most}."
        if rows
        else f"No enrolment of a running campaign is overdue by {limit(ticks.warn * tick_s)} or more {bad}.",
        value=float(total),
        unit="enrolments",
        facts={"longest_s": longest_s, "tick_s": tick_s},
        rows=[{key: row[key] for key in row if key not in ("total", "longest_s")} for row in rows],
    )


@check
def check_workflow_errors(
    application: ApplicationDatabase, errors: Threshold = WORKFLOW_ERRORS, earlier: Earlier | None = None
) -> Finding:
    """Did any workflow fail since the last look?

    Since this was last asked here, not "today": what failed late in the evening is news in the morning. At the first
    look of the last 24 hours, and never of more than seven days. By when a run ended: one that began before the last
    look and failed since counts.
    """
    now = application.now()
    since = _since(now, earlier)
    rows = application.rows(ERRORS, since=since, until=now)

    total = int(number(rows[0]["total"])) if rows else 0
    ago = f"since {since:%Y-%m-%d %H:%M} UTC"
    named = ", ".join(f"{row['workflow']} ({number(row['errors']):,.0f})" for row in rows[:3])
    last = f"; the last: “{rows[0]['last_error']}”" if rows and rows[0].get("last_error") else ""
    return Finding(
        verdict=errors.judge(total),
        says=f"{count(total, 'run')} failed {ago} (bad from {errors.bad:,.0f}){f': {named}' if rows else ''}{last}.",
        value=float(total),
        unit="errors",
        facts={"until": now.isoformat(), "since": since.isoformat()},
        rows=[{key: row[key] for key in row if key != "total"} for row in rows],
    )


@check
def check_expected_workflows(application: ApplicationDatabase, silence: Threshold = WORKFLOW_SILENCE) -> Finding:
    """Has each workflow that should run succeeded lately?

    From the list in the configuration (`expected` under executions, each with the seconds it may go without), so that
    one that has left no row at all is missed, and one that runs and always fails is as well.
    """
    expected = application.executions.expected if application.executions else {}
    if not expected:
        raise Refused(
            "Nobody has said which workflows are expected.",
            remedy="Write in environments.toml, under executions, with the seconds each may go without a success:\n\n"
            'expected = { "Message Scheduler" = 900, "Email Sender" = 900 }',
        )
    runs = last_runs(application, list(expected))

    rows = sorted((_silent(run, expected[str(run["workflow"])]) for run in runs), key=lambda row: -number(row["share"]))
    verdict = max(silence.judge(number(row["share"])) for row in rows)
    sick = [row for row in rows if silence.judge(number(row["share"]))]
    stopped = "; ".join(_stopped(row) for row in sick[:3])
    return Finding(
        verdict=verdict,
        says=f"{len(sick)} of {len(rows)} expected workflows did not succeed lately: {stopped}."
        if sick
        else f"All {len(rows)} expected workflows have succeeded lately, the slowest {_slowest(rows[0])}.",
        value=number(rows[0]["share"]),
        unit="ratio",
        facts={"workflows": len(rows), "stopped": len(sick)},
        rows=sick,
    )


@check
def check_scheduler_pace(application: ApplicationDatabase, took: Threshold = SCHEDULER_TIME) -> Finding:
    """Does the scheduler get through a thousand enrolments as fast as it should?

    By how long its own runs took (95th percentile of the last hour), not by when rows changed: a mail that is opened
    later would make its batch hours long. Where `items` is mapped, a run of more than a thousand may take as much
    longer; where it is not, each run counts as one batch.
    """
    name = application.executions.scheduler if application.executions else None
    if name is None:
        raise Refused(
            "Nobody has said which workflow is the scheduler.",
            remedy='Write in environments.toml, under executions:\n\nscheduler = "…"  # its name, as in the rows',
        )
    row = application.rows(PACE, workflow=name)[0]

    runs, took_s = int(number(row["runs"])), number(row["took_s"])
    few = f" (too few to judge: {ENOUGH_RUNS} are needed)" if runs < ENOUGH_RUNS else ""
    verdict = Verdict.OK if few else took.judge(took_s)
    return Finding(
        verdict=verdict,
        says=f"{name!r} did {count(runs, 'run').lower()} in the last hour{few}."
        if few
        else f"19 of 20 runs of {name!r} took {took_s:.1f} s or less for up to 1,000 enrolments (bad from "
        f"{limit(took.bad)}), of {runs:,} in the last hour.",
        value=took_s,
        unit="s",
        facts={"runs": runs, "longest_s": row["longest_s"]},
    )


def _since(now: datetime, earlier: Earlier | None) -> datetime:
    told = earlier.facts.get("until") if earlier else None
    last = moment(told) if isinstance(told, str) else now - FIRST_LOOK
    return min(max(last, now - FARTHEST_LOOK), now)


def _named(row: Row) -> str:
    return repr(str(row.get("name") or row["campaign"]))


def _silent(run: Row, allowed_s: float) -> Row:
    silent_s = number(run["silent_s"]) if run["last_success"] is not None else DAYS * 86400.0
    return {**run, "silent_s": silent_s, "allowed_s": allowed_s, "share": silent_s / allowed_s}


def _stopped(row: Row) -> str:
    since = f"for {span(number(row['silent_s']))}" if row["last_success"] is not None else f"in {DAYS} days"
    if row["last_run"] is None:
        how = "it left no run at all"
    elif row["last_failed"] and number(row["idle_s"]) < number(row["allowed_s"]):
        how = "it runs and fails"
    else:
        how = "it does not run"
    return f"{str(row['workflow'])!r} {since} (allowed: {limit(number(row['allowed_s']))}; {how})"


def _slowest(row: Row) -> str:
    return f"{str(row['workflow'])!r} {span(number(row['silent_s']))} ago (allowed: {limit(number(row['allowed_s']))})"
