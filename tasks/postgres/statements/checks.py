"""What we ask a Postgres server about statements that take too long, or do not end."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from tasks.check import check
from tasks.model import Earlier, Finding, Json, Row, Threshold, Verdict
from tasks.postgres.statements import looks
from tasks.postgres.statements.looks import ENOUGH_CALLS, Span, statistics_schema
from tasks.postgres.statements.queries import RUNNING_STATEMENTS
from tasks.postgres.statements.waits import sample, without_waits
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, session, span

# Below both, the statement costs nobody anything: a second in all, and a hundredth of the time.
ENOUGH_S = 1.0
ENOUGH_SHARE = 0.01
# A mean over more than this says how it was, not how it is.
RECENT_S = 900.0
# So long a slow statement that is called too rarely to judge is held to be slow still.
HELD_SLOW_S = 3600.0

STATEMENT_TIME = Threshold(
    warn=0.1,
    bad=0.5,
    because="Owner: the team on call. Seed S0 looks into queries above 100 ms and alerts above 500 ms, which is the "
    "whole of its p95 for an answer of the API; a page makes several.",
)

# Every busy database has statements that take a second.
NOTICEABLE_S = 1.0

STATEMENT_RUNNING = Threshold(
    warn=60,
    bad=300,
    because="Owner: the team on call. Nobody waits a minute for a page, and Heroku's router has given up after 30 s; "
    "seed S4 ends statements older than 5 min.",
)


@dataclass(frozen=True, kw_only=True)
class _Judged:
    row: Row
    verdict: Verdict
    mean_s: float
    over: str
    # When it was seen to be slow: kept while it is only held to be, else it would be held for ever.
    seen_at_s: float
    # Is the verdict the mean's own? What may be over long since is not held to be slow.
    sure: bool = True
    # Would it be slow if its waits for locks counted?
    waited: bool = False


@check
def check_slow_statements(
    postgres: PostgresServer, mean: Threshold = STATEMENT_TIME, earlier: Earlier | None = None
) -> Finding:
    """Does any statement that is called all the time take too long on average?

    Judged is the mean since the last look, not since for ever; whatever looks slow is watched for up to 3 s more, and
    then only what it takes now counts. A statement that was slow and is called too rarely to judge is held to be slow
    for an hour. Left out are maintenance, dumps, questions about the server itself (ours too), statements called fewer
    than five times, those that took less than a second in all or 1 % of the time, and waits for locks, which
    database/blocked-sessions asks about: taken off as they are seen, and while nobody looked, where a statement that
    locks rows took longer than the pages it touched can explain. At the first look a mean over more than 15 minutes
    that cannot be watched is never worse than WARN. Where the counters are full, the statements called least are
    forgotten, and a slow one may be among them: the answer says so.
    """
    schema = statistics_schema(postgres)
    if isinstance(schema, Finding):
        return schema
    before = _before(postgres, earlier)
    now = looks.look(postgres, schema, before.slow)
    full = looks.forgotten(postgres, schema)

    judged = {key: _judge(row, mean, before) for key, row in now.items()}
    suspects = {key: now[key] for key, one in judged.items() if one.verdict or _newly_slow(now[key], mean, before)}
    watched = sample(postgres, schema, suspects) if suspects else {}
    judged |= {key: _watched(judged[key], seen, mean) for key, seen in watched.items() if seen.calls >= ENOUGH_CALLS}

    waited = [one for one in judged.values() if not one.verdict and one.waited]
    sick = sorted((one for one in judged.values() if one.verdict), key=lambda one: (-one.verdict, -one.mean_s))
    return Finding(
        verdict=max((one.verdict for one in sick), default=Verdict.OK),
        says=f"{_says(sick, len(now), mean)}{_waits(waited)}{_overflow(full, before)}",
        value=max((one.mean_s for one in sick), default=0.0),
        unit="s",
        facts={
            **_facts(postgres, now, [one for one in sick if one.sure]),
            "forgotten": full["times"] if full else None,
        },
        rows=[_shown(one) for one in sick],
    )


@dataclass(frozen=True, kw_only=True)
class _Before:
    """What the last look left behind."""

    counters: Mapping[str, Json]
    slow: Mapping[str, Json]
    forgotten: Json = None


@check
def check_running_statements(postgres: PostgresServer, running: Threshold = STATEMENT_RUNNING) -> Finding:
    """Is a statement running now that should have ended long ago?

    Left out are those that wait for a lock (database/blocked-sessions asks about them), maintenance, COPY, CALL, schema
    changes, dumps, replication, and our own. One that never ends is in no statistics: those count what has ended.
    """
    if blind := postgres.blind():
        return blind
    statements = postgres.rows(RUNNING_STATEMENTS, at_least_s=NOTICEABLE_S)

    longest = max((number(row["running_s"]) for row in statements), default=0.0)
    sick = [row for row in statements if running.judge(number(row["running_s"]))]
    return Finding(
        verdict=running.judge(longest),
        says=_run_on(statements, longest, running),
        value=longest,
        unit="s",
        facts={"too_long": len(sick)},
        rows=sick,
    )


def _before(postgres: PostgresServer, earlier: Earlier | None) -> _Before:
    facts = earlier.facts if earlier and earlier.facts.get("server") == postgres.address else {}
    counters, slow = facts.get("counters"), facts.get("slow")
    return _Before(
        counters=counters if isinstance(counters, Mapping) else {},
        slow=slow if isinstance(slow, Mapping) else {},
        forgotten=facts.get("forgotten"),
    )


def _judge(row: Row, mean: Threshold, before: _Before) -> _Judged:
    key = str(row["key"])
    told = before.counters
    past = looks.since(row, told[key]) if key in told else looks.new_since(row, told)
    window = past or looks.whole(row)
    if past and past.calls < ENOUGH_CALLS and (held := _held(row, before.slow.get(key), mean)):
        return held
    worked = without_waits(window, row)
    verdict = mean.judge(worked.mean_s) if _matters(worked) else Verdict.OK
    # Nobody knows when in all that time it was slow.
    old = past is None and window.over_s > RECENT_S
    over = f"{count(window.calls, 'call')} in the last {span(window.over_s)}"
    return _Judged(
        row=row,
        verdict=min(verdict, Verdict.WARN) if old else verdict,
        mean_s=worked.mean_s,
        over=over,
        seen_at_s=number(row["at_s"]),
        sure=not old,
        waited=worked is not window and _matters(window) and bool(mean.judge(window.mean_s)),
    )


def _held(row: Row, slow: Json, mean: Threshold) -> _Judged | None:
    """Not called again since it was slow: that is no recovery."""
    if not isinstance(slow, list | tuple) or len(slow) != 2:
        return None
    mean_s, seen_at_s = number(slow[0]), number(slow[1])
    ago_s = number(row["at_s"]) - seen_at_s
    if ago_s > HELD_SLOW_S:
        return None
    over = f"{span(ago_s)} ago, and hardly called since"
    return _Judged(row=row, verdict=mean.judge(mean_s), mean_s=mean_s, over=over, seen_at_s=seen_at_s)


def _matters(window: Span) -> bool:
    return window.calls >= ENOUGH_CALLS and window.total_s >= max(ENOUGH_S, ENOUGH_SHARE * window.over_s)


def _newly_slow(row: Row, mean: Threshold, before: _Before) -> bool:
    """Was it slow at least once, and do we not know when? A long good history would hide it."""
    slowest = mean.judge(number(row["max_s"])) is Verdict.BAD
    return slowest and str(row["key"]) not in before.counters and number(row["calls"]) >= ENOUGH_CALLS


def _watched(judged: _Judged, seen: Span, mean: Threshold) -> _Judged:
    over = f"{count(seen.calls, 'call')} in the last {limit(round(seen.over_s, 1))}"
    return dataclasses.replace(judged, verdict=mean.judge(seen.mean_s), mean_s=seen.mean_s, over=over, sure=True)


def _says(sick: list[_Judged], known: int, mean: Threshold) -> str:
    bad = f"(bad from {limit(mean.bad)})"
    if not sick:
        amount = count(known, "statement")
        return f"{amount} looked at; none that matters takes {limit(mean.warn)} or longer on average {bad}."
    worst = sick[0]
    which = "is" if len(sick) == 1 else "are"
    return (
        f"{count(len(sick), 'statement')} {which} slow, the worst with a mean of {worst.mean_s:.2f} s {bad}, "
        f"{worst.over}: {worst.row['query']}"
    )


def _waits(waited: list[_Judged]) -> str:
    if not waited:
        return ""
    return (
        f" Left out: {count(len(waited), 'statement')} that took longer than its pages can explain, by waiting for "
        f"locks (database/blocked-sessions): {waited[0].row['query']}"
    )


def _overflow(full: Row | None, before: _Before) -> str:
    """Did the counters overflow since the last look? What overflowed earlier may have been cleared since."""
    if full is None or before.forgotten is None or number(full["times"]) <= number(before.forgotten):
        return ""
    return (
        f" Counters are kept of {number(full['room']):,.0f} statements; more are called, and since the last look those "
        f"called least were forgotten {count(int(number(full['times']) - number(before.forgotten)), 'time')}. "
        "Raise pg_stat_statements.max, or send statements with parameters instead of values."
    )


def _facts(postgres: PostgresServer, now: Mapping[str, Row], sick: list[_Judged]) -> Row:
    slow: dict[str, Json] = {str(one.row["key"]): [one.mean_s, one.seen_at_s] for one in sick if one.sure}
    counters = {key: looks.remembered(row) for key, row in now.items()}
    return {"server": postgres.address, "counters": counters, "slow": slow}


def _shown(one: _Judged) -> Row:
    shown = {key: one.row[key] for key in ("key", "query", "calls", "total_s", "max_s")}
    return {**shown, "mean_s": one.mean_s, "over": one.over, "verdict": one.verdict.name}


def _run_on(statements: list[Row], longest: float, running: Threshold) -> str:
    bad = f"(bad from {limit(running.bad)})"
    if not statements:
        return f"No statement has been running for {limit(NOTICEABLE_S)} or longer {bad}."
    first = statements[0]
    which = "" if len(statements) == 1 else ", the longest"
    return (
        f"{count(len(statements), 'statement', 'run')}{which} for {span(longest)} {bad}: {session(first)}, "
        f"{first['query']}"
    )
