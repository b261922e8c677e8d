"""What we ask about logs: errors, passwords being tried, mail in trouble, slow work, files that fell silent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from tasks.amounts import stretch
from tasks.check import check
from tasks.logs.entries import Entry
from tasks.logs.hint import DURATIONS, ERRORS, LOGINS, MAIL, NO_ERRORS, Sampled, Words
from tasks.logs.looking import Looked, look, positions, remedy, since_s, unseen
from tasks.logs.origin import account, without_account
from tasks.logs.patterns import login_refused, mail_outcome, took_s, what
from tasks.logs.recent import Recent, Tally, recent
from tasks.logs.slow import Durations
from tasks.logs.system import LogFile, Logs
from tasks.logs.written import Written, written
from tasks.model import Earlier, Finding, Row, Threshold, Verdict

HOUR_S = 3600.0

ERROR_RATE = Threshold(
    warn=1,
    bad=10,
    because="Owner: the team on call. Errors a minute of one service. One a minute is more than anybody looks into; at "
    "ten, somebody's request fails every six seconds.",
)
LOGINS_OF_ONE = Threshold(
    warn=30,
    bad=300,
    because="Owner: the team on call. Failed logins an hour from one address. fail2ban bans at five within ten "
    "minutes, 30 an hour; 300 are no person.",
)
LOGINS_OF_ALL = Threshold(
    warn=300,
    bad=3000,
    because="Owner: the team on call. Failed logins an hour from all addresses together: lists of stolen passwords are "
    "tried from thousands of them, each a few times.",
)
MAIL_TROUBLE = Threshold(
    warn=0.2,
    bad=2,
    because="Owner: the team on call. Bounced, deferred, rejected and complained-about mails a minute: one in five "
    "minutes is every day's, two a minute are a list gone bad or a provider that refuses us. Rates are judged where "
    "the volume is known, at the provider.",
)
TOOK = Threshold(
    warn=0.5,
    bad=2,
    because="Owner: the team on call. The 95th percentile of what services say their work took, in seconds; seed S2 "
    "alerts at 500 ms, and at 2 s people leave.",
)
SILENT = Threshold(
    warn=0.5 * HOUR_S,
    bad=2 * HOUR_S,
    because="Owner: the team on call. Health checks alone make a web service write each minute; one that rests at "
    "night gets `silent` of its own.",
)
# Below it, one slow request is the 95th percentile.
ENOUGH_DURATIONS = 20


@check
def check_log_errors(logs: Logs, per_minute: Threshold = ERROR_RATE, earlier: Earlier | None = None) -> Finding:
    """Do services write errors, and more of them than usual?

    Since the last look, over five minutes at least (`window_s`). The level decides, a word in the text does not; an
    error and its trace count once, and access logs' 5xx count. Lines that differ only in numbers and ids are counted
    together.
    """
    tally = Tally()

    def take(log: LogFile, entry: Entry) -> None:
        if entry.line.is_error:
            tally.add(log.service, entry.text)

    looked = look(logs, earlier, Words(ERRORS, never=NO_ERRORS), take)
    found = recent(tally, since_s(looked), earlier, logs.window_s)
    service, times = found.worst
    rate = times / found.minutes
    return _finding(
        looked,
        found,
        verdict=per_minute.judge(rate),
        says=_errors(found, service, rate, per_minute, looked),
        value=rate,
    )


@check
def check_log_logins(
    logs: Logs,
    of_one: Threshold = LOGINS_OF_ONE,
    of_all: Threshold = LOGINS_OF_ALL,
    earlier: Earlier | None = None,
) -> Finding:
    """Is somebody trying passwords?

    Failed logins that services and sshd write down, and 401 and 403 at login addresses in access logs; by the address
    they come from, IPv6 by its /64. X-Forwarded-For counts only from `proxies`. Five at least: a person mistypes.
    """
    tally = Tally()

    def take(log: LogFile, entry: Entry) -> None:
        address = login_refused(entry.line, logs.proxies)
        if address is not None:
            told = without_account(entry.text, account(entry.line))
            tally.add(log.service, told, kind=address)

    looked = look(logs, earlier, Words(LOGINS), take)
    found = recent(tally, since_s(looked), earlier, logs.window_s)
    most = max((row for row in found.top if row["kind"] != "unknown"), key=_times, default=None)
    one, all_ = _times(most) if most else 0, sum(found.total.values())
    per_hour = 60 / found.minutes
    verdict = max(of_one.judge(one * per_hour), of_all.judge(all_ * per_hour)) if all_ >= 5 else Verdict.OK
    return _finding(looked, found, verdict=verdict, says=_logins(found, most, all_, of_one), value=all_ * per_hour / 60)


@check
def check_log_mail(logs: Logs, per_minute: Threshold = MAIL_TROUBLE, earlier: Earlier | None = None) -> Finding:
    """Do logs tell of mail that bounces, is deferred or refused?

    Of Postfix and Exim, of providers' events in JSON, and of sentences that name an address or an SMTP code.
    """
    tally = Tally()

    def take(log: LogFile, entry: Entry) -> None:
        outcome = mail_outcome(entry.line)
        if outcome is not None:
            tally.add(log.service, entry.text, kind=outcome)

    looked = look(logs, earlier, Words(MAIL), take)
    found = recent(tally, since_s(looked), earlier, logs.window_s)
    times = sum(found.total.values())
    rate = times / found.minutes
    told = ", ".join(f"{number:,} {kind}" for kind, number in found.kinds.most_common())
    says = f"{_count(times, 'mail')} in trouble {_span(found)} ({_limit(per_minute)}){f': {told}' if told else ''}."
    return _finding(looked, found, verdict=per_minute.judge(rate), says=says, value=rate)


@check
def check_log_durations(logs: Logs, took: Threshold = TOOK, earlier: Earlier | None = None) -> Finding:
    """Does what services do take longer than it should?

    The 95th percentile since the last look, of durations that stand in fields of their own and tell their unit, within
    two percent; from 20 on. A word like "slow" in the text counts for nothing.
    """
    durations: dict[str, Durations] = {}
    own = {name.lower().encode() for log in logs.files for name in log.durations}
    sampled = Sampled(Words((*DURATIONS, *own)))

    def take(log: LogFile, entry: Entry) -> None:
        seconds = took_s(entry.line, log.durations)
        if seconds is not None:
            of_service = durations.setdefault(log.service, Durations())
            of_service.add(seconds, partial(what, entry.line), over_s=took.warn, weight=sampled.weight)

    looked = look(logs, earlier, sampled, take)
    judged = {name: one for name, one in durations.items() if one.number >= ENOUGH_DURATIONS}
    slowest = max(judged, key=lambda name: judged[name].percentile(0.95), default=None)
    value = judged[slowest].percentile(0.95) if slowest else 0.0
    rows = [{"service": name, **row} for name, one in durations.items() for row in one.slowest]
    return Finding(
        verdict=max(took.judge(value), *(one.verdict for one in looked)),
        says=_durations(judged, slowest, durations, took) + unseen(looked),
        value=value,
        unit="s",
        facts={"positions": positions(looked), "services": {name: one.facts for name, one in durations.items()}},
        rows=sorted(rows, key=lambda row: -float(str(row["took_s"])))[:10],
        remedy=remedy(looked),
    )


@check
def check_log_written(logs: Logs, silent: Threshold = SILENT) -> Finding:
    """Do services still write their logs, and into the file that is read?

    After a rotation without a word to the service it writes on into the file that was renamed, which is packed a day
    later: configure `copytruncate`, or a signal to reopen.
    """
    rows = [_written_row(written(log.path), log, log.silent or silent) for log in logs.files]
    worst = max(rows, key=lambda row: (_number(row["verdict"]), _number(row["silent_s"])))
    sick = [row for row in rows if row["verdict"]]
    most = f", the longest silent of {len(rows)}" if len(rows) > 1 else ""
    said = "; ".join(str(row["said"]) for row in sick[:3]) if sick else f"{worst['said']}{most}"
    return Finding(
        verdict=max(Verdict(int(_number(row["verdict"]))) for row in rows),
        says=f"{said}{f' and {len(sick) - 3} more' if len(sick) > 3 else ''}.",
        value=max(_number(row["silent_s"]) for row in rows),
        unit="s",
        facts={str(row["path"]): row for row in rows},
        rows=sick,
        remedy=next((str(row["remedy"]) for row in sick if row["remedy"]), ""),
    )


def _finding(looked: Sequence[Looked], found: Recent, *, verdict: Verdict, says: str, value: float) -> Finding:
    return Finding(
        verdict=max(verdict, *(one.verdict for one in looked)),
        says=says + unseen(looked),
        value=value,
        unit="1/min",
        facts={"positions": positions(looked), "recent": found.kept, "total": dict(found.total)},
        rows=found.top,
        remedy=remedy(looked),
    )


def _errors(found: Recent, service: str, rate: float, limit: Threshold, looked: Sequence[Looked]) -> str:
    if not service:
        seen = len([one for one in looked if not one.trouble])
        return f"No errors in {_count(seen, 'log')} {_span(found)} ({_limit(limit)})." if seen else "No log was read."
    top = next((row for row in found.top if row["service"] == service), None)
    most = f"; most often: “{top['kind']}” ({_count(int(_times(top)), 'time')})" if top else ""
    others = f"; {len(found.total) - 1} other services write some" if len(found.total) > 1 else ""
    number = _count(found.total[service], "error")
    is_short = found.until_s - found.since_s < found.window_s
    pace = f"; over {found.window_s:g} s that is {rate:.1f} a minute" if is_short else f", {rate:.1f} a minute"
    return f"{service} wrote {number} {_span(found)}{pace} ({_limit(limit)}){most}{others}."


def _logins(found: Recent, most: Row | None, all_: int, of_one: Threshold) -> str:
    limit = f"bad from {of_one.bad:g} an hour from one address"
    if not all_:
        return f"No login failed {_span(found)} ({limit})."
    who = f", most from {most['kind']}: {int(_times(most)):,}" if most else ""
    return f"{_count(all_, 'login')} failed {_span(found)}{who} ({limit})."


def _durations(judged: dict[str, Durations], slowest: str | None, all_: dict[str, Durations], took: Threshold) -> str:
    if slowest is None:
        number = sum(one.number for one in all_.values())
        return f"{_count(number, 'duration')} told: fewer than {ENOUGH_DURATIONS} of any service are not judged."
    one = judged[slowest]
    what_ = f"; the slowest: {one.slowest[0]['what']} ({one.longest_s:.1f} s)" if one.slowest else ""
    which = f", the slowest of {len(judged)} services" if len(judged) > 1 else ""
    return (
        f"95% of {one.number:,} took {slowest} less than {one.percentile(0.95):.2f} s, half less than "
        f"{one.percentile(0.5):.2f} s{which} (bad from {took.bad:g} s){what_}."
    )


def _written_row(found: Written, log: LogFile, silent: Threshold) -> Row:
    verdict, said = found.wrong or (silent.judge(found.silent_s), "")
    if not said:
        long = stretch(found.silent_s) if found.silent_s >= 60 else f"{found.silent_s:.0f} s"
        has = "has written nothing for" if verdict else "wrote last"
        said = f"{has} {long}{'' if verdict else ' ago'} (bad from {stretch(silent.bad)})"
    return {
        "service": log.service,
        "path": str(log.path),
        "silent_s": found.silent_s if math.isfinite(found.silent_s) else None,
        "verdict": int(verdict),
        "said": f"{log.service} {said}",
        "remedy": found.remedy,
    }


def _span(found: Recent) -> str:
    seconds = max(found.until_s - found.since_s, 1.0)
    return f"in {stretch(seconds)}" if seconds >= 120 else f"in {seconds:.0f} s"


def _limit(threshold: Threshold) -> str:
    return f"bad from {threshold.bad:g} a minute"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def _times(row: Row) -> float:
    return _number(row["times"])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
