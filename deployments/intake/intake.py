"""What becomes of a delivery: verified, read, routed, and stored before it is answered."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from pydantic import SecretStr

from deployments.intake import marked
from deployments.intake.delivery import Delivery, Refused, Why, read_json
from deployments.intake.quiet import quiet
from deployments.intake.reach import Unreached
from deployments.intake.settings import AlertSettings
from deployments.intake.source import Source
from flows.journal import JournalUnavailable, NotRecordable, refusals
from flows.journal.alerts import TEST, Tested, last, tested
from flows.journal.connection import Connection
from flows.journal.newest import Newest, newest
from flows.journal.openings import Backlog, backlog, by_alerts
from flows.journal.pool import Sessions
from flows.journal.refusals import Refusals
from flows.journal.taking import Taken, Told, take
from flows.opening.alert import Alert, State
from flows.opening.routing import route
from flows.run.clock import now
from flows.told.dashboards import Dashboard, dashboard_of
from runbooks.catalog import Catalog
from runbooks.model import Severity

T = TypeVar("T")

# Of the largest each, 200 MB.
READ_AT_ONCE = 100
# Of one source. Whoever may ask for test alerts is not to fill the record with them.
TESTS_PER_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What became of a delivery: its alerts; `replayed` and without any, if it was here before."""

    alerts: tuple[Taken, ...]
    replayed: bool = False

    @property
    def opened(self) -> bool:
        return any(one.opening is not None and not one.joined for one in self.alerts)


@dataclass
class Counts:
    """Since the process began. Keys are sources that are configured, and words of ours: no sender chooses any."""

    received: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    joined: Counter[str] = field(default_factory=Counter)
    opened: Counter[str] = field(default_factory=Counter)
    unclaimed: Counter[str] = field(default_factory=Counter)
    last_s: dict[str, float] = field(default_factory=dict)
    # When the last of `refused` was, in seconds since 1970.
    refused_s: dict[tuple[str, str], float] = field(default_factory=dict)
    # What of `refused` the journal has.
    written: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refuse(self, source: str, why: Why) -> None:
        """Count one more."""
        self.refused[source, why] += 1
        self.refused_s[source, why] = time.time()

    def unwritten(self) -> Counter[tuple[str, str]]:
        """What was refused since it was last written."""
        # A copy, for whoever counts does not wait.
        return Counter(dict(self.refused)) - self.written


class Rates:
    """A bucket for each source: so many deliveries in a second, and two seconds' worth at once."""

    def __init__(self, most_per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most_per_s
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def admits(self, source: str) -> bool:
        """Is this one within the limit? It counts either way."""
        with self._lock:
            now = self._clock()
            left, at = self._buckets.get(source, (2 * self._most, now))
            left = min(2 * self._most, left + (now - at) * self._most) - 1
            self._buckets[source] = (max(left, -self._most), now)
        return left >= 0


class Intake:
    """One service's sources, rules and counts. Threads may share it."""

    def __init__(self, settings: AlertSettings, catalog: Catalog, url: SecretStr, opened: Callable[[], None]) -> None:
        self.settings = settings
        self.counts = Counts()
        self.rates = Rates(settings.listening.most_per_s)
        self.tests = Rates(TESTS_PER_S)
        # What is being read is in memory: of a crowd each waits for its turn.
        self.reading = asyncio.Semaphore(READ_AT_ONCE)
        self.catalog = catalog
        self._sessions = Sessions(url)
        self._opened = opened
        self._writing = threading.Lock()

    def close(self) -> None:
        self._sessions.close()

    def backlog(self) -> Backlog | None:
        """What waits for its run; None while the database does not answer."""
        try:
            return self._sessions.run(backlog)
        except JournalUnavailable:
            return None

    def tested(self) -> dict[str, Tested]:
        """The last test alert of each source that arrived.

        Raises:
            Refused: the database does not answer.
        """
        return self._asked(lambda session: tested(session, self.settings.sources))

    def heard(self) -> dict[str, datetime]:
        """When each source sent its last alert.

        Raises:
            Refused: the database does not answer.
        """
        return self._asked(last)

    def unreached(self) -> list[Unreached]:
        """What no watch and no rule opens, and no alert has opened before.

        Raises:
            Refused: the database does not answer.
        """
        known = {(one.runbook, one.environment): one for one in self.settings.unreached}
        before = self._asked(lambda session: by_alerts(session, known.keys()))
        return [one for place, one in known.items() if place not in before]

    def refused(self, within: timedelta) -> list[Refusals]:
        """What was turned away by all services over this database, by this one until now.

        Raises:
            Refused: the database does not answer.
        """
        try:
            self.write_refused()
        except JournalUnavailable as error:
            raise Refused(Why.UNAVAILABLE, str(error)) from error
        return self._asked(lambda session: refusals.of_late(session, within))

    def _asked(self, errand: Callable[[Connection], T]) -> T:
        try:
            return self._sessions.run(errand)
        except JournalUnavailable as error:
            raise Refused(Why.UNAVAILABLE, str(error)) from error

    def newest(self) -> list[Newest]:
        """The newest answer of every series.

        Raises:
            Refused: the database does not answer.
        """
        return self._asked(newest)

    @cached_property
    def dashboards(self) -> Mapping[str, Dashboard]:
        """Where each check's answer stands, by its name."""
        return {one.name: dashboard_of(one) for entry in self.catalog for one in entry.runbook.checks}

    def write_refused(self) -> None:
        """Keep in the journal what was refused since the last time; one row for each source and reason.

        Raises:
            JournalUnavailable: the database does not answer. It is counted on.
        """
        # By turns: who is asked how the sources stand writes it sooner.
        with self._writing:
            if counted := self.counts.unwritten():
                self._sessions.run(lambda session: refusals.add(session, counted, dict(self.counts.refused_s)))
                self.counts.written += counted

    def source(self, name: str) -> Source:
        """The source that is configured under this name.

        Raises:
            Refused: there is none.
        """
        if name not in self.settings.sources:
            raise Refused(Why.UNKNOWN_SOURCE)
        return self.settings.sources[name]

    def accept(self, source: Source, delivery: Delivery) -> Accepted:
        """Store what was sent; when this returns it is committed.

        Raises:
            Refused: it was not proved, cannot be read, or could not be stored. Nothing of it is kept.
        """
        source.verify(delivery)
        # Only now: behind a proxy all strangers are one address with our sender, and must not use up its share.
        if not self.rates.admits(source.name):
            raise Refused(Why.TOO_MANY)
        body = read_json(delivery.body)
        told, number = list(self._read(source, body)), source.delivery_id(delivery)
        test_s = marked.sent_s(source, body, delivery.received_s)
        if test_s is not None:
            # A replay is one, whatever the source numbers its deliveries by.
            told, number = [_test(source, test_s)], f"test:{hashlib.sha256(delivery.body).hexdigest()}"
        try:
            taken = self._sessions.run(lambda session: take(session, self.settings.redact, source.name, number, told))
        except NotRecordable as error:
            raise Refused(Why.UNREADABLE, type(error).__name__) from error
        except JournalUnavailable as error:
            raise Refused(Why.UNAVAILABLE, str(error)) from error
        accepted = Accepted(alerts=tuple(taken or ()), replayed=taken is None)
        if test_s is None:
            self._count(source.name, accepted)
        if accepted.opened:
            self._opened()
        return accepted

    def withdraw(self, source: Source, body: bytes) -> None:
        """Store of a sample that was sent that it is over, whatever its source can say.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        over = [replace(one, state=State.RESOLVED) for one in source.alerts(read_json(body))]
        told = [self._told(source, one) for one in over]
        delivery = f"withdrawn:{hashlib.sha256(body).hexdigest()}"
        self._sessions.run(lambda session: take(session, self.settings.redact, source.name, delivery, told))

    def _read(self, source: Source, body: dict[str, Any]) -> Iterator[Told]:
        try:
            alerts = list(source.alerts(body))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise Refused(Why.UNREADABLE, f"not as {source.type} documents it: {type(error).__name__}") from error
        yield from (self._told(source, one) for one in alerts)

    def _told(self, source: Source, alert: Alert) -> Told:
        found = route(alert, self.settings.rules, self.catalog)
        environment = alert.environment if alert.environment in self.settings.redact else source.environment
        return Told(
            fingerprint=alert.fingerprint,
            firing=alert.state is State.FIRING,
            title=alert.title,
            severity=alert.severity or "",
            service=alert.service,
            environment=environment,
            runbook=found.runbook,
            why=found.why,
            urgent=alert.severity is Severity.P0,
            held=quiet(alert, environment, now(), self.settings.quiet, self.settings.zones),
            gather_s=found.gather_s,
            more={
                "name": alert.name,
                "environment": alert.environment,
                "description": alert.description,
                "tags": dict(alert.tags),
                "links": list(alert.links),
                **({"theirs": dict(alert.theirs)} if alert.theirs else {}),
            },
        )

    def _count(self, source: str, accepted: Accepted) -> None:
        self.counts.received[source] += 1
        self.counts.last_s[source] = time.time()
        for one in accepted.alerts:
            where = self.counts.unclaimed if one.opening is None else self.counts.opened
            (self.counts.joined if one.joined else where)[source] += 1


def _test(source: Source, sent_s: float) -> Told:
    """A test alert as it is stored: over from the first, so that it opens nothing and is told to nobody."""
    return Told(
        fingerprint=f"{source.name}{TEST}",
        firing=False,
        title=f"Test alert of {source.name}",
        severity="",
        service="",
        environment=source.environment,
        runbook="",
        why="A test alert: it shows that the way is free, and opens nothing.",
        more={"sent_s": sent_s},
    )
