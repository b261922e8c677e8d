"""One line of a log, taken apart by the form it has: JSON, logfmt, access and error logs of web servers, plain text.

Judged is what stands where the level stands, never a word somewhere in the text: "errors: 0" is no error.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.logs.moments import moment, moment_of


class Level(enum.IntEnum):
    """How bad a line says it is, by whatever name."""

    DEBUG = 0
    INFO = 1
    WARN = 2
    ERROR = 3
    FATAL = 4


_NAMES = {
    Level.DEBUG: "trace debug verbose silly fine finer finest",
    Level.INFO: "info information informational notice log http ok success statement detail hint context",
    Level.WARN: "warn warning",
    Level.ERROR: "error err eror severe",
    Level.FATAL: "fatal critical crit panic emerg emergency alert",
}
LEVELS = {name: level for level, names in _NAMES.items() for name in names.split()}
_WORD = "|".join(sorted(LEVELS, key=len, reverse=True))

# pino and bunyan count up by tens (50 is error), syslog and GELF down from 7 (3 is error).
_PINO = ((60, Level.FATAL), (50, Level.ERROR), (40, Level.WARN), (30, Level.INFO), (0, Level.DEBUG))
_SYSLOG = (Level.FATAL, Level.FATAL, Level.FATAL, Level.ERROR, Level.WARN, Level.INFO, Level.INFO, Level.DEBUG)

_LEVEL_KEYS = ("level", "severity", "levelname", "lvl", "log.level", "loglevel", "PRIORITY")
_TIME_KEYS = ("time", "timestamp", "ts", "@timestamp", "asctime", "datetime", "date")
_TEXT_KEYS = ("msg", "message", "event", "MESSAGE", "short_message", "text")
_ERROR_KEYS = ("err", "error", "exception", "exc_info", "stack")
_STATUS_KEYS = ("status", "status_code", "statusCode", "response_code", "http_status", "DownstreamStatus")

_ACCESS = re.compile(
    r'(?P<address>\S+) \S+ (?P<user>\S+) \[[^\]]{20,40}\] "(?P<method>[A-Z]{3,10}) (?P<path>\S+)[^"]*" '
    r"(?P<status>\d{3}) "
)
# Behind referrer and user agent, as nginx's `main` writes it; a quote in those it writes as \x22.
_FORWARDED = re.compile(r'" "([0-9a-fA-F.:, \[\]%]{3,500})"$')
_PAIR = re.compile(r'([A-Za-z_][\w.@-]*)=("(?:[^"\\]|\\.)*"|[^\s"]*)')
# What stands behind the size, and what somebody's browser calls itself, which is passed over: it may say anything.
_BEHIND = re.compile(r'"(?:[^"\\]|\\.)*"|([a-z_]{1,40})=("(?:[^"\\]|\\.)*"|[^\s"]*)')
# nginx' $request_time, and gunicorn's %(L)s, where nothing names them: always three, or six, digits of a second.
_LAST = re.compile(r"\s(\d{1,6}\.(?:\d{3}|\d{6}))$")
_COLOUR = re.compile(r"\x1b\[[\d;]{0,10}m")
_LOGFMT = re.compile(r"(?:^|\s)(?:(?:level|lvl|severity)=\"?[A-Za-z]|method=[A-Z]{3,10} path=/)")
# nginx: … [error] 123#0: …; Apache: … [proxy:error] [pid 1] …; log4j: … [main] ERROR …; Python: … ERROR name: …
_BRACKETED = re.compile(rf"[\[<(](?:\w+:)?({_WORD})[\]>)]", re.IGNORECASE)
_FIRST = re.compile(rf"[\[<(|*]?\s*({_WORD})\s*(?:[\])>|:]|\s-|\s\s|$)", re.IGNORECASE)
_SHOUTED = re.compile(rf"(?<![\w./$-])({_WORD.upper()})(?![\w./$-])(?!\s*[=:]\s*\d+\s*(?:$|[,;|]))")
# Of what may stand between the time and the level: process, thread, logger; no sentence.
_BETWEEN = re.compile(r"[\w./@:$|\s-]*")
_ASIDE = re.compile(r"[\[(][^\])]*[\])]|\S+\[\d+\]:?")
_NO = re.compile(r"\b(?:no|0|zero|without)\s*$", re.IGNORECASE)
MOST_BETWEEN = 3
# An exception that nobody logged, at the beginning of a line.
_THROWN = re.compile(
    r"(?:Traceback \(most recent call last\)|panic: |fatal error: |Exception in thread |Uncaught |Unhandled "
    r"|(?:[A-Za-z_][\w.$]*)?(?:Error|Exception)(?:: \D|$)|thread '[^']{0,100}' panicked at)"
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a line says. `has_head`: it has a time or a level of its own, and is no part of what came before.

    `thrown`: it begins an exception's trace.
    """

    text: str
    level: Level | None = None
    at_s: float | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    has_head: bool = False
    thrown: bool = False

    @property
    def is_error(self) -> bool:
        return self.level is not None and self.level >= Level.ERROR


def read(raw: bytes) -> Line:
    """The line as it is meant. Never raises: what is of no form is text."""
    # copytruncate leaves NULs where the writer goes on at its old offset.
    text = raw.strip(b"\0\r").decode("utf-8", "replace")
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    if text.startswith("{"):
        told = _json(text)
        if told is not None:
            return told
    access = _ACCESS.match(text)
    if access:
        return _accessed(access, text)
    if _LOGFMT.search(text):
        return _logfmt(text)
    return _plain(text)


def _json(text: str) -> Line | None:
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return _cut_json(text)
    if not isinstance(told, dict):
        return None
    # Docker's own file: the service's line stands inside.
    if isinstance(told.get("log"), str) and {"stream", "time"} <= told.keys():
        inner = read(told["log"].rstrip("\n").encode("utf-8", "replace"))
        return Line(**{**vars(inner), "at_s": inner.at_s or moment_of(told["time"])})
    return Line(
        text=_message(told),
        level=_level_of(told),
        at_s=next((at_s for key in _TIME_KEYS if (at_s := moment_of(told.get(key))) is not None), None),
        fields=told,
        has_head=True,
    )


def _cut_json(text: str) -> Line | None:
    """One that is too long, or was torn: its level stands near its beginning."""
    found = re.match(
        r'\{(?:"[\w@.]+":(?:"[^"\\]{0,80}"|[\d.]+|true|false|null),){0,8}"(?:level|severity)":"?(\w+)', text
    )
    return Line(text=text, level=level(found[1]), has_head=True) if found else None


def _message(told: Mapping[str, Any]) -> str:
    said = next((told[key] for key in _TEXT_KEYS if isinstance(told.get(key), str) and told[key]), "")
    for key in _ERROR_KEYS:
        error = told.get(key)
        error = error.get("message") or error.get("type") if isinstance(error, Mapping) else error
        if isinstance(error, str) and error and error not in said:
            return f"{said}: {error}" if said else error
    return said


def _level_of(told: Mapping[str, Any]) -> Level | None:
    nested = told.get("log")
    named = [told[key] for key in _LEVEL_KEYS if key in told]
    named += [nested["level"]] if isinstance(nested, Mapping) and "level" in nested else []
    found = next((one for value in named if (one := level(value)) is not None), None)
    status = status_of(told)
    return Level.ERROR if found is None and status is not None and status >= 500 else found


def status_of(told: Mapping[str, Any]) -> int | None:
    """The HTTP status of an answer, wherever its writer puts it; None without one."""
    nested = [told.get(key) for key in ("res", "response", "meta", "http")]
    inner = [one.get(key) for one in nested[2:] if isinstance(one, Mapping) for key in ("res", "response")]
    for table in (told, *nested, *inner):
        for key in _STATUS_KEYS if isinstance(table, Mapping) else ():
            value = str(table.get(key))  # type: ignore[union-attr]  # only of a table are there keys
            if value.isdigit() and len(value) == 3:
                return int(value)
    return None


def level(value: object) -> Level | None:
    """A level by its name or number; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not value.strip().isdigit():
        return LEVELS.get(value.strip().lower())
    try:
        number = int(str(value))
    except ValueError:
        return None
    if 0 <= number < len(_SYSLOG):
        return _SYSLOG[number]
    return next((one for least, one in _PINO if number >= least), None) if 10 <= number < 100 else None


def _accessed(found: re.Match[str], text: str) -> Line:
    told = found.groupdict()
    at = moment(text)
    status = int(told["status"])
    forwarded = _FORWARDED.search(text[-600:].rstrip())
    fields = {"address": told["address"], "path": told["path"], "status": status, "method": told["method"]}
    return Line(
        text=f"{told['method']} {told['path'].partition('?')[0]} {status}",
        level=Level.ERROR if status >= 500 else Level.INFO,
        at_s=at[0] if at else None,
        fields={
            **_behind(text[found.end() :]),
            **fields,
            **({"user": told["user"]} if told["user"] != "-" else {}),
            **({"x_forwarded_for": forwarded[1]} if forwarded else {}),
        },
        has_head=True,
    )


def _behind(text: str) -> dict[str, str]:
    """What a team's own format adds: rt=0.012 urt="0.011", or the time it took alone, at the end."""
    told = {key: value.strip('"') for key, value in _BEHIND.findall(text) if key}
    last = _LAST.search(text)
    return {**told, "request_time": last[1]} if last else told


def _logfmt(text: str) -> Line:
    told: dict[str, Any] = {key: value.strip('"') for key, value in _PAIR.findall(text)}
    at = moment(text)
    at_s = next((one for key in _TIME_KEYS if (one := moment_of(told.get(key))) is not None), at[0] if at else None)
    return Line(text=_message(told) or text, level=_level_of(told), at_s=at_s, fields=told, has_head=True)


def _plain(text: str) -> Line:
    at = moment(text)
    rest = text[at[1] :] if at else text
    # A bracket that was opened before the time.
    rest = rest.lstrip("])>,;| \t") if at else rest
    thrown = _THROWN.match(rest) is not None
    found = Level.ERROR if thrown and at else _level_at(rest, is_dated=at is not None)
    return Line(
        text=rest if at else text,
        level=Level.ERROR if thrown else found,
        at_s=at[0] if at else None,
        has_head=at is not None or (found is not None and not thrown),
        thrown=thrown,
    )


def _level_at(rest: str, *, is_dated: bool) -> Level | None:
    head = rest[:200]
    if first := _FIRST.match(head):
        counted = re.match(r"\s*[=:]?\s*\d+\s*(?:$|[,;|])", head[first.end(1) :])
        return None if counted else level(first[1])
    if shouted := re.match(rf"({_WORD.upper()})(?=\s)(?!\s+\d+\s*$)", head):
        return level(shouted[1])
    if not is_dated:
        return None
    for found in filter(None, (_BRACKETED.search(head), _SHOUTED.search(head))):
        front = head[: found.start()]
        bare = _ASIDE.sub(" ", front)
        if _BETWEEN.fullmatch(bare) and len(bare.split()) <= MOST_BETWEEN and not _NO.search(front):
            return level(found[1])
    return None
