"""When a line was written, as it says itself. Without a zone it is this machine's: it wrote the file."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_MONTH = "|".join(_MONTHS)
_ZONE = r"(?P<zone>\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d)\b)?"
# 2026-11-29T10:00:00.123Z, 2026-11-29 10:00:00,123 UTC, and Go's and nginx' 2026/11/29 10:00:00
_DAY = r"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)"
ISO = rf"{_DAY}[T ](?P<clock>\d\d:\d\d:\d\d)(?P<part>[.,]\d{{1,9}})?{_ZONE}"
# Apache's and nginx' access logs: 29/Nov/2026:10:00:00 +0000; Flask's own server: 29/Nov/2026 10:00:00
_CDAY = rf"(?P<cday>\d\d)/(?P<cmonth>{_MONTH})/(?P<cyear>\d{{4}})"
COMMON = rf"{_CDAY}[: ](?P<cclock>\d\d:\d\d:\d\d)(?: (?P<czone>[+-]\d{{4}}))?"
# Apache's error log: Sun Nov 29 10:00:00.123456 2026; syslog: Nov 29 10:00:00
_SDAY = rf"(?:[A-Z][a-z]{{2}} )?(?P<smonth>{_MONTH}) (?P<sday>[ \d]\d)"
SYSLOG = rf"{_SDAY} (?P<sclock>\d\d:\d\d:\d\d)(?:\.\d+)?(?P<syear> \d{{4}})?"
MOMENT = re.compile(f"{ISO}|{COMMON}|{SYSLOG}")
# A line's time stands at its beginning, behind a bracket, an address or a process.
WITHIN = 120
# A field of JSON or logfmt that holds the time.
_FIELD = re.compile(r"\b(?:time|timestamp|ts|datetime)\"?[:=]\s?\"?([\d][\w:.+/, -]{8,38})")
# In seconds a number would be of the year 5138; so it is of milliseconds, or of less.
LARGEST_S = 1e11
# Less is no time but a number: of a line, a port, a day written as 20261129.
LEAST_S = 1e8
_DAY_S = 86_400


def moment(text: str) -> tuple[float, int] | None:
    """Unix time of the first moment that stands near the beginning of `text`, and where it ends; None without any."""
    found = MOMENT.search(text, 0, WITHIN)
    at_s = _read(found) if found else None
    return (at_s, found.end()) if found and at_s is not None else None


def moment_of(value: object) -> float | None:
    """Unix time of what a field holds: text, or a number of seconds, milliseconds, micro- or nanoseconds."""
    if isinstance(value, str):
        told = moment(value)
        return told[0] if told else _number(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not LEAST_S <= value < 1e20:
        return None
    while value > LARGEST_S:
        value /= 1000
    return float(value)


def moment_in(line: str) -> float | None:
    """Unix time of a whole line, whatever its form."""
    told = None if line.startswith("{") else moment(line)
    if told is not None:
        return told[0]
    field = _FIELD.search(line)
    return moment_of(field[1]) if field else None


def _number(text: str) -> float | None:
    try:
        return moment_of(float(text.partition(",")[0])) if len(text) < 40 else None
    except ValueError:
        return None


def _read(found: re.Match[str]) -> float | None:
    told = found.groupdict()
    try:
        if told["year"]:
            part = float(f"0.{told['part'][1:]}") if told["part"] else 0.0
            return _unix(told["year"], int(told["month"]), told["day"], told["clock"], told["zone"]) + part
        if told["cyear"]:
            return _unix(told["cyear"], _MONTHS[told["cmonth"]], told["cday"], told["cclock"], told["czone"])
        year = told["syear"] or str(time.localtime().tm_year)
        at_s = _unix(year, _MONTHS[told["smonth"]], told["sday"], told["sclock"], None)
        # Syslog writes no year: in January, December was last year's.
        late = not told["syear"] and at_s > time.time() + _DAY_S
        return _unix(str(int(year) - 1), _MONTHS[told["smonth"]], told["sday"], told["sclock"], None) if late else at_s
    except (ValueError, OverflowError):
        return None  # the 31st of a February


def _unix(year: str, month: int, day: str, clock: str, zone: str | None) -> float:
    hour, minute, second = (int(part) for part in clock.split(":"))
    told = (int(year), month, int(day), hour, minute, min(second, 59))
    if zone is None:
        return datetime(*told).timestamp()
    return datetime(*told, tzinfo=_zone(zone.strip())).timestamp()


def _zone(text: str) -> timezone:
    if text in ("Z", "UTC", "GMT"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))
