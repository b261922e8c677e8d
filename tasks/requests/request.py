"""What a line of a log tells about one request: where it went, how it was answered, and how long that took.

The shapes were read off what the real programs write: nginx, Caddy, pino-http, Fastify, hapi-pino, express-winston,
morgan, gunicorn, hypercorn, uvicorn (tests/tasks/requests/lines.txt). Where a request failed on the way is told by its
status; what its level says is not asked: pino-http and Fastify write an answer of 500 at the level of information.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tasks.logs.line import Line, status_of
from tasks.logs.patterns import took_s

_METHOD_KEYS = ("method", "http_method", "request_method", "RequestMethod", "verb")
# A route as it was declared says more than the path that was asked for.
_PATH_KEYS = ("route", "http_route", "originalUrl", "url", "path", "uri", "request_uri", "RequestPath", "target")
_ASKED = ("req", "request")
_STRUCTURED = ("res", "response", "meta", "http", "reqId", "DownstreamStatus", "status_code", "statusCode",
               "response_code", "http_status")  # fmt: skip
_METHOD = re.compile(r"[A-Za-z]{3,10}")
# hypercorn and uvicorn, and access logs that something stands before.
_SERVED = re.compile(r'"(?P<method>[A-Z]{3,10}) (?P<path>\S+) (?:HTTP/)?[\d.]+" (?P<status>[1-5]\d\d)(?=\s|$)')
# morgan's short and tiny ones, which tell no time.
_BARE = re.compile(
    r"(?:\S+ - )?(?P<method>[A-Z]{3,10}) (?P<path>/\S*) (?:HTTP/[\d.]+ )?(?P<status>[1-5]\d\d) "
    r"(?:\S+ - (?P<ms>\d+\.\d+) ms|(?P<coloured_ms>\d+\.\d+) ms - )"
)
_FULL = re.compile(r"[a-z]{2,6}://(?:[^/@]*@)?(?P<host>[\w.-]{1,253})")
_DATABASE = {"db_ms": 1e-3, "db_time_ms": 1e-3, "db_duration_ms": 1e-3, "database_ms": 1e-3, "dbTimeMs": 1e-3,
             "sql_ms": 1e-3, "query_ms": 1e-3, "db_s": 1.0, "db_seconds": 1.0}  # fmt: skip
_EXTERNAL = {"external_ms": 1e-3, "http_ms": 1e-3, "outgoing_ms": 1e-3, "external_s": 1.0}
# Requests that Fastify has begun and not ended; of more at once, the oldest are forgotten.
MOST_OPEN = 10_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """One answered request; `host` where it is one of the service's own to somebody else.

    Times in seconds, None where the line does not tell. `at_s`: Unix time of the line, which is written at the end.
    """

    method: str
    path: str
    status: int
    at_s: float | None
    took_s: float | None = None
    database_s: float | None = None
    external_s: float | None = None
    host: str = ""

    @property
    def failed(self) -> bool:
        """Did the server fail? What a client asked wrongly (4xx) is no failure."""
        return self.status >= 500


class Requests:
    """Takes lines in their order. Fastify tells of one request in two of them, by `reqId`."""

    def __init__(self, own: Mapping[str, str]) -> None:
        """`own` are the team's fields of durations, with their units."""
        self._own = own
        self._open: dict[str, tuple[str, str]] = {}

    def of(self, line: Line) -> Request | None:
        """The request that `line` tells the end of; None for any other line."""
        told = line.fields
        if not told or not ("status" in told or _is_structured(told)):
            return _of_text(line)
        status = status_of(told)
        method, path = _asked(told)
        named = told.get("reqId")
        if isinstance(named, str):
            if status is None:
                self._begin(named, method, path)
                return None
            if "responseTime" not in told:
                return None  # an error on the way: its end is told by another line
            method, path = (method, path) if method else self._open.pop(named, ("", ""))
        if status is None or not method or not path:
            return None
        full = _FULL.match(path)
        found = Request(method=method, path=path, status=status, at_s=line.at_s, host=full["host"] if full else "")
        if full and any(isinstance(told.get(key), Mapping) for key in (*_ASKED, "url")):
            found = replace(found, host="", path=path[full.end() :] or "/")
        return replace(
            found,
            took_s=_took_s(line, self._own),
            database_s=_part_s(told, _DATABASE) if not _is_rails(told) else _milliseconds(told.get("db")),
            external_s=_part_s(told, _EXTERNAL),
        )

    def _begin(self, name: str, method: str, path: str) -> None:
        if method and path:
            self._open[name] = (method, path)
            if len(self._open) > MOST_OPEN:
                del self._open[next(iter(self._open))]


def _is_structured(told: Mapping[str, Any]) -> bool:
    return any(key in told for key in _STRUCTURED)


def _asked(told: Mapping[str, Any]) -> tuple[str, str]:
    """Method and path, from the places that are known; empty where they do not stand."""
    meta, http, url = told.get("meta"), told.get("http"), told.get("url")
    places: list[object] = [told.get(key) for key in _ASKED]
    places += [meta.get("req")] if isinstance(meta, Mapping) else []
    places += [http.get("request"), http] if isinstance(http, Mapping) else []
    places += [url] if isinstance(url, Mapping) else []
    tables = [told, *(one for one in places if isinstance(one, Mapping))]
    method = next((value for table in tables for key in _METHOD_KEYS if _is_method(value := table.get(key))), "")
    path = next((value for table in tables for key in _PATH_KEYS if _is_path(value := table.get(key))), "")
    return str(method), str(path)


def _is_method(value: object) -> bool:
    return isinstance(value, str) and _METHOD.fullmatch(value) is not None


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("/", "http://", "https://"))


def _of_text(line: Line) -> Request | None:
    text = line.text[:4000]
    found = _SERVED.search(text) or _BARE.match(text)
    if found is None:
        return None
    groups = found.groupdict()
    ms = groups.get("ms") or groups.get("coloured_ms")
    took = float(ms) / 1000 if ms else None
    return Request(method=found["method"], path=found["path"], status=int(found["status"]), at_s=line.at_s, took_s=took)


def _took_s(line: Line, own: Mapping[str, str]) -> float | None:
    told = line.fields
    took = told.get("duration")
    # Caddy's is in seconds, Rails' (lograge) in milliseconds: neither says so.
    if str(told.get("logger", "")).startswith("http.log.access") and isinstance(took, int | float):
        return float(took)
    if _is_rails(told) and "duration" not in own:
        return _milliseconds(took)
    event = told.get("event")
    for value in (told.get("Duration") if "DownstreamStatus" in told else None,
                  event.get("duration") if isinstance(event, Mapping) else None):  # fmt: skip
        if isinstance(value, int) and not isinstance(value, bool):
            return value / 1e9  # Traefik, and the Elastic Common Schema
    return took_s(line, own)


def _is_rails(told: Mapping[str, Any]) -> bool:
    return "controller" in told and "action" in told


def _milliseconds(value: object) -> float | None:
    try:
        return float(str(value)) / 1000
    except ValueError:
        return None


def _part_s(told: Mapping[str, Any], units: Mapping[str, float]) -> float | None:
    for key, unit in units.items():
        value = told.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return value * unit
    return None
