"""The requests of the last hour, by endpoint, out of the logs that tell of them."""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

from tasks.amounts import size, stretch
from tasks.kept import asked_once
from tasks.logs.hint import REQUESTS, Words
from tasks.logs.line import read
from tasks.logs.news import PROBE_BYTES, News, news
from tasks.logs.system import LogFile, Logs
from tasks.model import CannotLook
from tasks.requests.endpoint import endpoint
from tasks.requests.request import Request, Requests

LOOKED_BACK_S = 3600.0
# About what is taken apart of each log: thirty thousand lines or so, a second on a quiet machine. Of a longer hour each
# second line is read, or each third: shares and percentiles stay true, and know how few they come from.
TAKEN_APART_BYTES = 6 * 2**20
MOST_ENDPOINTS = 200
OTHERS, NOT_FOUND = "(others)", "(not found)"
# Longer lines are no requests: headers and a trace within one are some kilobytes.
LONGEST = 2**14


@dataclass
class Samples:
    """Requests of one kind: when each ended, how long it took (NaN: not told), and whether it failed."""

    at_s: array[float] = field(default_factory=lambda: array("d"))
    took_s: array[float] = field(default_factory=lambda: array("d"))
    database_s: array[float] = field(default_factory=lambda: array("d"))
    external_s: array[float] = field(default_factory=lambda: array("d"))
    failed: bytearray = field(default_factory=bytearray)

    def add(self, one: Request, at_s: float) -> None:
        self.at_s.append(at_s)
        for column, value in (
            (self.took_s, one.took_s),
            (self.database_s, one.database_s),
            (self.external_s, one.external_s),
        ):
            column.append(float("nan") if value is None else value)
        self.failed.append(one.failed)

    def since(self, at_s: float) -> list[int]:
        """The places of those that ended from then on."""
        return [place for place, ended_s in enumerate(self.at_s) if ended_s >= at_s]

    def failures(self) -> Iterator[tuple[float, bool]]:
        """Each with whether it failed."""
        return ((at_s, bool(failed)) for at_s, failed in zip(self.at_s, self.failed, strict=True))

    def slower(self, than_s: float) -> Iterator[tuple[float, bool]]:
        """Each that tells how long it took, with whether that was `than_s` or more."""
        pairs = zip(self.at_s, self.took_s, strict=True)
        return ((at_s, took_s >= than_s) for at_s, took_s in pairs if not math.isnan(took_s))


Kind = tuple[str, str]


@dataclass
class Traffic:
    """What logs tell of requests from `since_s` to `until_s` (Unix time), by service and endpoint.

    `services` hold the same once more, all endpoints of one together; `calls` are what services ask of others, by
    host. `untimed` lines tell of requests, and not when.
    """

    since_s: float
    until_s: float
    endpoints: dict[Kind, Samples] = field(default_factory=dict)
    services: dict[str, Samples] = field(default_factory=dict)
    calls: dict[Kind, Samples] = field(default_factory=dict)
    untimed: int = 0
    notes: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    def take(self, log: LogFile, one: Request) -> None:
        at_s = one.at_s
        if at_s is None:
            self.untimed += 1
        elif self.since_s <= at_s <= self.until_s + 1 and one.status >= 200:
            if one.host:
                _of(self.calls, (log.service, f"{one.method.upper()} {one.host}")).add(one, at_s)
                return
            self.services.setdefault(log.service, Samples()).add(one, at_s)
            key = (log.service, endpoint(one.method, one.path))
            # Who looks for holes asks for thousands of paths that there are not.
            if one.status == 404 and key not in self.endpoints:
                key = (log.service, NOT_FOUND)
            _of(self.endpoints, key).add(one, at_s)

    def of(self, kind: Kind) -> Samples:
        """Of an endpoint, or of a whole service where the endpoint is empty."""
        return self.endpoints[kind] if kind[1] else self.services[kind[0]]


def traffic(access: Logs) -> Traffic:
    """The requests of the last hour; within a round they are read once.

    Raises:
        CannotLook: no log could be read.
    """
    return asked_once(("requests", *(str(log.path) for log in access.files)), lambda: _read(access))


def _read(access: Logs) -> Traffic:
    now_s = time.time()
    found = Traffic(since_s=now_s - LOOKED_BACK_S, until_s=now_s)
    for log in access.files:
        try:
            with closing(
                news(log.path, None, first_look_s=LOOKED_BACK_S, most_bytes=access.most_bytes)
            ) as new:  # of each look the whole hour: what was counted before could not be asked for its times
                _take(found, log, new)
        except CannotLook as error:
            found.unseen.append(f"{log.service}: {error.says.rstrip('.')}")
    if found.unseen and not found.services and not found.untimed:
        raise CannotLook(f"{'; '.join(found.unseen[:3])}.")
    return found


def _take(found: Traffic, log: LogFile, new: News) -> None:
    every, taken = max(1, round(new.size / TAKEN_APART_BYTES)), 0
    requests, hint = Requests(log.durations), Words(REQUESTS)
    for block in new.blocks():
        if (here := hint.within(block)) is None:
            continue
        # Lines that stand together, for two of them may be of one request.
        lines = block.split(b"\n")
        for raw in lines[: -(-len(lines) // every)]:
            if here(raw) and (one := requests.of(read(raw[:LONGEST]))) is not None:
                found.take(log, one)
        taken += len(block) // every
        if taken > 2 * TAKEN_APART_BYTES:  # more of it was packed than its size tells
            every, taken = 2 * every, TAKEN_APART_BYTES  # half of what is left
    found.until_s = max(found.until_s, time.time())
    if log.service not in found.services:
        found.untimed += _untimed(new, requests)
    if every > 1:
        found.notes.append(f"of {log.service} one line of {every} was read")
    if new.skipped:
        found.notes.append(f"of {log.service} the first {size(new.skipped)} of the hour are left out")
    if new.lost:
        found.notes.append(f"of {log.service} what was written before its file was begun is not kept beside it")


def _untimed(new: News, requests: Requests) -> int:
    """Lines without a time are not read at all; whether the newest of them tell of requests."""
    last = new.pieces[-1]
    last.file.seek(max(0, last.generation.size - PROBE_BYTES))
    told = (requests.of(read(raw[:LONGEST])) for raw in last.file.read(PROBE_BYTES).split(b"\n")[1:])
    return sum(1 for one in told if one is not None and one.at_s is None)


def _of(kinds: dict[Kind, Samples], key: Kind) -> Samples:
    if key not in kinds and len(kinds) >= MOST_ENDPOINTS:
        key = (key[0], OTHERS)
    return kinds.setdefault(key, Samples())


def caution(found: Traffic) -> str:
    """What was not seen, or seen in part, as sentences; empty if all was."""
    told = [*found.unseen, *found.notes]
    return f" {'; '.join(told[:3])[:1].upper()}{'; '.join(told[:3])[1:]}." if told else ""


def span(seconds: float) -> str:
    """'in 30 s', 'in 5 minutes'."""
    return f"in {stretch(seconds)}" if seconds >= 120 else f"in {seconds:.0f} s"
