"""What we ask of the requests that services log: how many fail, how long they take, since when, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from tasks.check import check
from tasks.logs.system import Logs
from tasks.model import Finding, Json, Row, Threshold, Verdict
from tasks.rates import Rate, percent
from tasks.requests.judged import (
    ENOUGH,
    FAILED,
    SLOWEST,
    Timed,
    failing,
    give_or_take,
    most_failing,
    named,
    since,
    slowest_of,
    timed,
    took_s,
)
from tasks.requests.onset import Onset
from tasks.requests.quantile import Quantile, quantile
from tasks.requests.traffic import Kind, Traffic, caution, span, traffic

SHOWN = 10


@check
def check_request_errors(access: Logs, failed: Threshold = FAILED) -> Finding:
    """Do requests fail, at which endpoint, and since when?

    The share of answers 5xx of the last five minutes (`window_s` of the logs), of each endpoint and each service, from
    access logs and the lines an application writes for each request. Ids are taken out of paths; 404 for paths that
    there are not count together. Of fewer than a hundred requests it is never BAD.
    """
    found = traffic(access)
    rates = failing(found, access.window_s)
    if not rates:
        return _nothing(found, access)
    kind, rate = most_failing(rates, failed)
    began = since(found.of(kind).failures(), found) if rate.part else None
    of_all = [one for (_, endpoint), one in rates if not endpoint]
    all_ = Rate(part=sum(one.part for one in of_all), whole=sum(one.whole for one in of_all), least=1)
    limit = f"(bad from {percent(failed.bad)})"
    if not rate.part:
        says = f"None of {all_.whole:,} requests failed {span(access.window_s)} {limit}."
    else:
        says = f"{rate.says('requests')} to {named(kind)} failed {span(access.window_s)} {limit}{_began(began)}; "
        says += f"{percent(all_.part / all_.whole)} of all {all_.whole:,}."
    return Finding(
        verdict=max(one.judge(failed) for _, one in rates),
        says=says + caution(found),
        value=rate.value,
        facts={"service": kind[0], "endpoint": kind[1], **_facts(began)},
        rows=_failed_rows(rates),
    )


@check
def check_request_latency(access: Logs, slowest: Threshold = SLOWEST) -> Finding:
    """Which endpoints are slow, and since when?

    The median, 95th and 99th percentile of the last five minutes, from each request's own time, with the bounds that so
    many requests can tell (95 %). An endpoint is BAD where the lower bound of its 95th percentile is; with fewer than a
    hundred requests it is not judged. How much of the time went to the database, or to others, is told where lines say
    it. Those that are slow on purpose are left out (`unhurried`).
    """
    found = traffic(access)
    told = timed(found, access)
    rows = [_timed_row(one) for one in told[:SHOWN]]
    if not told:
        return _nothing(found, access, noun="requests that tell how long they took")
    enough = [one for one in told if one.enough]
    if not enough:
        most = max(told, key=lambda one: one.p95.number)
        says = f"No endpoint had {ENOUGH} requests {span(access.window_s)}: too few to judge. {named(most.kind)} had "
        says += f"{most.p95.number}, half of them within {_seconds(most.p50.value_s)}.{caution(found)}"
        return Finding(verdict=Verdict.OK, says=says, rows=rows)
    one = slowest_of(enough, slowest)
    is_slow = bool(one.judge(slowest))
    began = since(found.of(one.kind).slower(slowest.warn), found) if is_slow else None
    says = f"95% of {one.p95.number:,} requests to {named(one.kind)} took up to {_bounds(one.p95)} "
    says += f"{span(access.window_s)} (bad from {slowest.bad:g} s), half up to {_bounds(one.p50)}"
    says += f"{_began(began, f' over {slowest.warn:g} s')}{_whose(found, one.kind, access)}" if is_slow else ""
    return Finding(
        verdict=one.judge(slowest),
        says=f"{says}.{caution(found)}",
        value=one.p95.value_s,
        unit="s",
        facts={"service": one.kind[0], "endpoint": one.kind[1], **_facts(began)},
        rows=rows,
    )


@check
def check_calls_to_others(access: Logs, slowest: Threshold = SLOWEST) -> Finding:
    """Is it somebody else who is slow, or fails?

    What services log of their own requests to others, by host, within the last five minutes.
    """
    found = traffic(access)
    rows: list[Row] = []
    for (service, host), samples in found.calls.items():
        places = samples.since(found.until_s - access.window_s)
        took = took_s(samples, found.until_s - access.window_s)
        failed = sum(samples.failed[n] for n in places)
        p95 = quantile(took, 0.95).value_s if took else None
        if places:
            rows.append({"service": service, "to": host, "requests": len(places), "failed": failed, "p95_s": p95})
    if not rows:
        says = "The logs tell of no requests to others; whether somebody else is slow they do not say."
        return Finding(verdict=Verdict.OK, says=says + caution(found))
    rows.sort(key=lambda row: (-(_number(row["requests"]) >= ENOUGH), -_number(row["p95_s"])))
    top, judged = rows[0], _number(rows[0]["requests"]) >= ENOUGH
    took_ = f"95% within {_seconds(_number(top['p95_s']))}" if top["p95_s"] is not None else "how long is not told"
    few = "" if judged else f" (fewer than {ENOUGH} are not judged)"
    says = f"{top['service']} asked {top['to']} {top['requests']} times {span(access.window_s)}: {took_}, "
    says += f"{top['failed']} failed (bad from {slowest.bad:g} s){few}."
    return Finding(
        verdict=slowest.judge(_number(top["p95_s"])) if judged else Verdict.OK,
        says=says + caution(found),
        value=_number(top["p95_s"]),
        unit="s",
        rows=rows[:SHOWN],
    )


def _began(began: Onset | None, what: str = "") -> str:
    if began is None:
        return ", as in all the hour, or as far back as the lines reach"
    return (
        f", since {give_or_take(began)} (before: {percent(began.before)}{what} of {began.number_before:,}; "
        f"after: {percent(began.after)} of {began.number_after:,})"
    )


def _facts(began: Onset | None) -> dict[str, Json]:
    if began is None:
        return {}
    names = ("at_s", "earliest_s", "latest_s", "before", "after", "number_before", "number_after")
    return {f"since_{name}": getattr(began, name) for name in names}


def _failed_rows(rates: Sequence[tuple[Kind, Rate]]) -> list[Row]:
    worst = sorted((one for one in rates if one[1].part), key=lambda one: -one[1].part)
    return [
        {"service": kind[0], "endpoint": kind[1] or "(all)", "failed": one.part, "requests": one.whole}
        for kind, one in worst[:SHOWN]
    ]


def _timed_row(told: Timed) -> Row:
    row: dict[str, Json] = {"service": told.kind[0], "endpoint": told.kind[1], "requests": told.p50.number}
    for one in (told.p50, told.p95, told.p99):
        name = f"p{one.share * 100:g}"
        row |= {f"{name}_s": one.value_s, f"{name}_at_least_s": one.least_s, f"{name}_at_most_s": one.most_s}
    return row


def _whose(found: Traffic, kind: Kind, access: Logs) -> str:
    """How much of the time went to the database, and to others, at the median."""
    samples = found.of(kind)
    places = samples.since(found.until_s - access.window_s)
    parts = []
    for name, column in (("the database", samples.database_s), ("others", samples.external_s)):
        shares = [column[n] / samples.took_s[n] for n in places if samples.took_s[n] > 0 and not math.isnan(column[n])]
        parts += [f"{percent(min(median(shares), 1.0))} of the time for {name}"] if shares else []
    return f"; {' and '.join(parts)}" if parts else "; whether the database's or somebody else's, its lines do not tell"


def _bounds(one: Quantile) -> str:
    """'0.81 s (0.78 to 0.9)': what was measured, and between what the true one lies."""
    least = f"{one.least_s:.3g}" if one.least_s is not None else "?"
    most = f"to {one.most_s:.3g}" if one.most_s is not None else "or more, nobody knows how much"
    return f"{_seconds(one.value_s)} ({least} {most})"


def _seconds(value: float) -> str:
    return f"{value:.3g} s"


def _nothing(found: Traffic, access: Logs, noun: str = "requests") -> Finding:
    """Silence is not health, unless the lines could be read and there were none."""
    if found.untimed:
        return Finding.unknown(
            "Lines tell of requests, and not when: nothing can be counted by the minute.",
            remedy="Give them a time: uvicorn a --log-config whose format holds %(asctime)s, morgan :date[iso].",
        )
    if not found.services:
        return Finding.unknown(
            f"No line of {len(access.files)} logs tells of a request within the last hour.{caution(found)}",
            remedy="Name the access log under `logs`, or let the application write a line for each request.",
        )
    return Finding(verdict=Verdict.OK, says=f"There were no {noun} {span(access.window_s)}.{caution(found)}")


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
