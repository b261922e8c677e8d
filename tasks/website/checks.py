"""What we ask about the application from outside: does it answer, how fast, and does each name lead there?"""

from __future__ import annotations

import time
from functools import partial

from tasks.check import check
from tasks.dns.system import Resolver
from tasks.model import CannotLook, Finding, Row, Threshold, Verdict
from tasks.together import WITHIN_S, together
from tasks.website.expected import body_of, wrong
from tasks.website.names import has_to_be_resolved, resolved
from tasks.website.pace import Pace, timed
from tasks.website.percentiles import ENOUGH_FOR_P95, caution, requests, spread
from tasks.website.system import Endpoint, Website, host_of
from tasks.website.walk import led_to, walk
from tasks.website.way import is_usual_https, judged_way

# An answer that is not as it should be is asked for once more: a deploy's second is no incident.
AGAIN_AFTER_S = 1.0

PACE = Threshold(
    warn=2,
    bad=5,
    because="Owner: the team on call. In seconds, for one probe across the Internet with a connection of its own; seed "
    "S1 calls 2 s slow and 5 s critical. What the server itself takes is judged by its log (500 ms, 2 s).",
)

STEPS = Threshold(
    warn=3,
    bad=10,
    because="Owner: the team on call. Each step is a connection that a visitor waits for; two do for http to https and "
    "to www. Google's crawler follows ten, browsers twenty.",
)


@check
def check_website_answers(website: Website) -> Finding:
    """Do all endpoints of the website answer as they should?

    Status, text, and the value in the JSON, at the end of an expected redirect. What is wrong is asked for a second
    time; no answer is a wrong one. Pace is a question of its own.
    """
    website.trusted()
    until = time.monotonic() + WITHIN_S
    asked = together({e.name: partial(_asked, website, e, until) for e in website.endpoints}, until=until)

    rows = [_unanswered(name, told) if isinstance(told, CannotLook) else told for name, told in asked.items()]
    sick = [row for row in rows if row["wrong"]]
    return Finding(
        verdict=Verdict.BAD if sick else Verdict.OK,
        says=_answered(rows, sick),
        value=float(len(sick)),
        unit="endpoints",
        facts={str(row["endpoint"]): row["status"] for row in rows},
        rows=sick,
    )


@check
def check_website_pace(website: Website, took: Threshold = PACE) -> Finding:
    """Does the website answer fast enough, asked from outside?

    A few requests to each endpoint, each over a new connection. Judged is the median; the 95th percentile only from
    20 requests on, for below that it is the slowest one. A single slow one warns. Wrong answers are not timed: an error
    is often fast. One that was given up counts with the time it was waited for.
    """
    website.trusted()
    until = time.monotonic() + WITHIN_S
    took_each = together({e.name: partial(timed, website, e, until) for e in website.endpoints}, until=until)
    limits = {e.name: e.pace or took for e in website.endpoints}

    paces = {name: Pace(()) if isinstance(told, CannotLook) else told for name, told in took_each.items()}
    rows = [_pace_row(name, pace, limits[name]) for name, pace in paces.items()]
    worst = max(rows, key=lambda row: (_number(row["verdict"]), _number(row.get("p50_s"))))
    return Finding(
        verdict=Verdict(int(_number(worst["verdict"]))),
        says=_paced(worst, rows, limits[str(worst["endpoint"])]),
        value=max((_number(row["p50_s"]) for row in rows if "p50_s" in row), default=None),
        unit="s",
        facts={str(row["endpoint"]): {**row, "took_s": list(paces[str(row["endpoint"])].took_s)} for row in rows},
        rows=[row for row in rows if row["verdict"]],
    )


@check
def check_website_names(website: Website) -> Finding:
    """Do the names of the website resolve?

    A and AAAA records, from the configured resolvers or this machine's. An address, and `localhost`, are no names that
    anybody could take away. That they are the right addresses nobody says here.
    """
    hosts = {host for endpoint in website.endpoints if has_to_be_resolved(host := endpoint.host)}
    resolver = Resolver(servers=website.resolvers)
    if not hosts:
        return Finding(verdict=Verdict.OK, says="The website is asked by address only: there is no name to resolve.")
    until = time.monotonic() + WITHIN_S
    looked = together({host: partial(resolved, resolver, host) for host in sorted(hosts)}, until=until)

    rows = [_unlooked(host, told) if isinstance(told, CannotLook) else told for host, told in looked.items()]
    sick = sorted((row for row in rows if row["verdict"]), key=lambda row: -_number(row["verdict"]))
    told = [f"{row['host']} {row['said']}" for row in sick or rows]
    return Finding(
        verdict=max(Verdict(int(_number(row["verdict"]))) for row in rows),
        says=f"{'; '.join(told[:3])}{_more(told, 3)} (asked of {resolver.said}).",
        value=float(len(sick)),
        unit="names",
        facts={str(row["host"]): row for row in rows},
        rows=sick,
    )


@check
def check_website_redirects(website: Website, steps: Threshold = STEPS) -> Finding:
    """Do addresses that have moved, and those without https, lead where they should, safely and without detours?

    Each endpoint with `redirects_to`, and http:// of each host that is asked by https at its usual port; if nothing
    listens there, there is nothing to lead away from. A way that leads to http again is bad whatever stands at its end.
    """
    website.trusted()
    until = time.monotonic() + WITHIN_S
    ways = {(e.name, e.url): e for e in website.endpoints if e.redirects_to}
    ways |= {(f"http://{e.host}", f"http://{e.host}/"): e for e in website.endpoints if is_usual_https(e.url)}
    if not ways:
        return Finding(verdict=Verdict.OK, says="The website has no redirects to look at.", value=0.0, unit="steps")
    walked = together({way: partial(walk, website, e, until, url=way[1]) for way, e in ways.items()}, until=until)

    own = frozenset(host_of(url) for e in website.endpoints for url in (e.url, e.redirects_to or e.url))
    rows = [judged_way(name, ways[name, url], told, own, steps) for (name, url), told in walked.items()]
    sick = sorted((row for row in rows if row["verdict"]), key=lambda row: -_number(row["verdict"]))
    told = [f"{row['way']} {row['said']}" for row in sick or rows]
    return Finding(
        verdict=max(Verdict(int(_number(row["verdict"]))) for row in rows),
        says=f"{'; '.join(told[:3])}{_more(told, 3)}.",
        value=max(_number(row["steps"]) for row in rows),
        unit="steps",
        facts={str(row["way"]): row for row in rows},
        rows=sick,
    )


def _asked(website: Website, endpoint: Endpoint, until: float) -> Row:
    row = _asked_once(website, endpoint, until)
    if row["wrong"] and time.monotonic() + AGAIN_AFTER_S < until:
        time.sleep(AGAIN_AFTER_S)
        again = _asked_once(website, endpoint, until)
        # Silence at the end of the time there is says less than what was said first.
        return row if again["wrong"] and again["status"] is None else again
    return row


def _asked_once(website: Website, endpoint: Endpoint, until: float) -> Row:
    try:
        answer, trouble = led_to(website, endpoint, until)
    except CannotLook as error:
        return _unanswered(endpoint.name, error, endpoint)
    return {
        "endpoint": endpoint.name,
        "status": answer.status,
        "wrong": trouble or wrong(endpoint, answer),
        "body": body_of(endpoint, answer),
    }


def _unanswered(name: str, error: CannotLook, endpoint: Endpoint | None = None) -> Row:
    says = endpoint.hidden_in(error.says) if endpoint else error.says
    return {"endpoint": name, "status": None, "wrong": f"gives no answer: {says.rstrip('.')}", "body": ""}


def _unlooked(host: str, error: CannotLook) -> Row:
    said = f"was not looked up: {error.says.rstrip('.')}"
    return {"host": host, "verdict": int(Verdict.UNKNOWN), "said": said}


def _answered(rows: list[Row], sick: list[Row]) -> str:
    if not sick:
        names = ", ".join(str(row["endpoint"]) for row in rows[:5]) + _more(rows, 5)
        return f"{_endpoints(len(rows))} answer as they should: {names}." if len(rows) > 1 else f"{names} answers well."
    told = "; ".join(f"{row['endpoint']} {row['wrong']}" for row in sick[:3])
    return f"{len(sick)} of {_endpoints(len(rows))}: {told}{_more(sick, 3)}."


def _pace_row(name: str, pace: Pace, limit: Threshold) -> Row:
    if not pace.took_s:
        said = pace.wrong or "It did not answer in time."
        return {"endpoint": name, "samples": 0, "verdict": int(Verdict.UNKNOWN), "said": said}
    told = spread(pace.took_s)
    verdict = limit.judge(told["p50_s"])
    if len(pace.took_s) >= ENOUGH_FOR_P95:
        verdict = max(verdict, limit.judge(told["p95_s"]))
    single = min(limit.judge(told["longest_s"]), Verdict.WARN)
    return {
        "endpoint": name,
        "samples": len(pace.took_s),
        "given_up": pace.given_up,
        "verdict": int(max(verdict, single)),
        **told,
    }


def _paced(row: Row, rows: list[Row], limit: Threshold) -> str:
    which = f", the slowest of {len(rows)} endpoints" if len(rows) > 1 else ""
    if not row["samples"]:
        return f"{row['endpoint']} was not answered as it should be, so how fast it is is not known: {row['said']}"
    lost = f", {row['given_up']} of them given up" if row["given_up"] else ""
    number = int(_number(row["samples"]))
    few = f"; {caution(number)}" if caution(number) else ""
    return (
        f"{row['endpoint']} took {_number(row['p50_s']):.2f} s at the median and {_number(row['longest_s']):.2f} s at "
        f"most of {requests(number)}{lost}{which} (bad from {limit.bad:g} s){few}."
    )


def _endpoints(number: int) -> str:
    return f"{number} endpoint{'s' if number != 1 else ''}"


def _more(told: list[str] | list[Row], shown: int) -> str:
    return f" and {len(told) - shown} more" if len(told) > shown else ""


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
