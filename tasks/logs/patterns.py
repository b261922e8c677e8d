"""What lines tell beside their level: failed logins, mail that did not arrive, and how long something took."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.logs.line import Line
from tasks.logs.origin import UNKNOWN, Network, origin, shown

_LOGIN_FAILED = re.compile(
    r"failed (?:password|publickey|keyboard-interactive\S*|log-?in|sign-?in|auth\w*)\b"
    r"|(?:log-?in|sign-?in|auth\w*|password)(?: attempt| check)? (?:has )?(?:failed|failure|was refused|denied)\b"
    r"|authentication failure|(?:invalid|wrong|bad|incorrect) (?:password|credentials?|log-?in|passcode|otp)\b"
    r"|invalid user \S|auth(?:entication)?_?fail|login_fail",
    re.IGNORECASE,
)
# "0 failed logins", "login failed: 0": a report, and a good one.
_COUNTED = re.compile(
    r"\b(?:no|0) (?:\w+ )?(?:failed|invalid|wrong|bad)|fail\w*(?: log-?ins?)?\s*[:=]\s*0\b", re.IGNORECASE
)
_LOGIN_WORKED = re.compile(
    r"\baccepted (?:password|publickey|keyboard-interactive\S*) for\b"
    r"|(?:log-?in|sign-?in|logged in|authenticat(?:ed|ion))(?: (?:has )?(?:succeeded|successful(?:ly)?|ok\b)|$)"
    r"|successful(?:ly)? (?:log-?in|logged in|sign-?in|signed in)|login_(?:success|ok|succeeded)",
    re.IGNORECASE,
)
_LIMITED = re.compile(
    r"\brate.?limit(?:ed|ing)?\b.{0,40}\b(?:hit|exceed|reach|refus|block|request)|too many requests|"
    r"\b(?:limiting requests|request was throttled)\b",
    re.IGNORECASE,
)
_LOGIN_PATH = re.compile(r"/(?:log-?in|sign-?in|auth|session|token|oauth)s?\b", re.IGNORECASE)
NOT_ALLOWED = frozenset({401, 403})

_OUTCOMES = {
    "bounced": "bounce bounced hard_bounce hardbounce soft_bounce softbounce email.bounced permanent_fail undelivered",
    "deferred": "defer deferred delayed deliverydelay email.delivery_delayed temporary_fail",
    "rejected": "reject rejected dropped blocked suppressed email.failed",
    "complained": "complaint complained spamreport spam_complaint email.complained",
}
_OUTCOME = {word: outcome for outcome, words in _OUTCOMES.items() for word in words.split()}
_OUTCOME_KEYS = ("event", "event_type", "eventType", "type", "status", "outcome", "delivery_status", "notificationType")
# Postfix and Exim; and a sentence, where an address or an SMTP code shows that it is about mail.
_POSTFIX = re.compile(r"\bstatus=(bounced|deferred|undeliverable)\b|\bNOQUEUE: (reject):|\bmilter-(reject):")
_EXIM = re.compile(r"^\s*[\w-]{16,23} (\*\*|==) \S+@|\b(rejected) (?:RCPT|after DATA)\b")
_SAID = re.compile(r"\b(?:(?:hard|soft)[ -])?(bounced?|deferred|rejected|complained|complaint)\b", re.IGNORECASE)
_ABOUT_MAIL = re.compile(r"\S@[\w-]+\.\w|\b[45]\d\d[ -][45]\.\d{1,3}\.\d{1,3}\b|\bsmtp\b|\brecipient\b", re.IGNORECASE)
_WORDS = {"bounce": "bounced", "undeliverable": "bounced", "**": "bounced", "==": "deferred", "reject": "rejected",
          "complaint": "complained"}  # fmt: skip

# Known by their names; what is only called `duration` says no unit and counts where it carries one: 1.2s, 350ms.
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "m": 60.0, "h": 3600.0}
_NAMED = {
    **dict.fromkeys(("duration_ms", "durationMs", "latency_ms", "latencyMs", "elapsed_ms", "elapsedMs", "took_ms",
                     "response_time_ms", "responseTime", "response_time_in_ms", "execution_time_ms", "ms"), "ms"),
    **dict.fromkeys(("duration_s", "duration_seconds", "elapsed_s", "elapsed_seconds", "request_time",
                     "upstream_response_time", "took_s", "rt"), "s"),
    **dict.fromkeys(("duration_us", "elapsed_us", "latency_us"), "us"),
    **dict.fromkeys(("duration_ns", "elapsed_ns", "latency_ns"), "ns"),
}  # fmt: skip
_WITH_UNIT = ("duration", "latency", "elapsed", "took", "response_time", "time_taken")
_AMOUNT = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)(?![a-z])")
# Postgres: duration: 1234.567 ms
_POSTGRES = re.compile(r"\bduration: (\d+\.\d+) ms\b")
_ROUTE_KEYS = ("route", "path", "url", "endpoint", "query", "operation", "method")


def login_refused(line: Line, proxies: Sequence[Network] = ()) -> str | None:
    """The network somebody failed to log in from, or `unknown`; None where nobody failed."""
    if not login_failed(line):
        return None
    told = origin(line, proxies)
    return UNKNOWN if told is None else shown(told)


def login_failed(line: Line) -> bool:
    """Does it tell of a login that was refused?"""
    status, path = line.fields.get("status"), line.fields.get("path")
    if status in NOT_ALLOWED and isinstance(path, str) and _LOGIN_PATH.search(path):
        return True
    said = _said(line)
    return _LOGIN_FAILED.search(said) is not None and not _COUNTED.search(said)


def login_worked(line: Line) -> bool:
    """Does it tell, in words, of somebody who was let in? A status alone does not: a login page answers 200, too."""
    said = _said(line)
    return _LOGIN_WORKED.search(said) is not None and not _LOGIN_FAILED.search(said)


def limited(line: Line) -> bool:
    """Was a request refused because there were too many of them?"""
    statuses = (line.fields.get(key) for key in ("status", "status_code", "statusCode"))
    return any(str(status) == "429" for status in statuses) or _LIMITED.search(_said(line)) is not None


def mail_outcome(line: Line) -> str | None:
    """bounced, deferred, rejected or complained, of a line about one mail; None of any other."""
    for key in _OUTCOME_KEYS:
        value = line.fields.get(key)
        if isinstance(value, str) and (told := _OUTCOME.get(value.lower().replace("-", "_"))):
            return told
    text = line.text[:2000]
    found = _POSTFIX.search(text) or _EXIM.search(text)
    if found is None and _ABOUT_MAIL.search(text):
        found = _SAID.search(text)
    word = next((group for group in found.groups() if group), "").lower() if found else ""
    return _WORDS.get(word, word) or None


def took_s(line: Line, own: Mapping[str, str]) -> float | None:
    """How long it took, in seconds, where a field says that; `own` are the team's fields and their units."""
    for key, value in _flat(line.fields):
        unit = own.get(key) or _NAMED.get(key)
        if unit is not None and (number := _number(value)) is not None:
            return number * _UNITS[unit]
        if key in _WITH_UNIT and isinstance(value, str) and (found := _AMOUNT.fullmatch(value.strip())):
            return float(found[1]) * _UNITS[found[2]]
    found = _POSTGRES.search(line.text[:2000])
    return float(found[1]) / 1000 if found else None


def what(line: Line) -> str:
    """What took so long, as far as the line says it."""
    for table in (line.fields, line.fields.get("req"), line.fields.get("request")):
        told = [str(table[key]) for key in _ROUTE_KEYS if table.get(key)] if isinstance(table, Mapping) else []
        if told:
            return told[0].partition("?")[0]
    return line.text


def _said(line: Line) -> str:
    return " ".join([line.text, *(str(line.fields.get(key, "")) for key in ("event", "type", "action"))])[:1000].strip()


def _flat(fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in fields.items():
        yield key, value
        if isinstance(value, Mapping):
            yield from ((str(inner), one) for inner, one in value.items())


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return None
    return number if 0 <= number < 1e15 else None
