"""Journal: the door to all incidents' entries and to the measurements."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

import psycopg
from pydantic import SecretStr

from flows.journal import codes, locks, measurement, summary
from flows.journal.alerts import Alerts
from flows.journal.body import Told
from flows.journal.chain import broken, stands_for_removed
from flows.journal.connection import connect, refuse_transaction_pooler, session_of, speaking
from flows.journal.entry import Entry, checked
from flows.journal.kinds import Opened
from flows.journal.lately import LastRun, Place, lately
from flows.journal.log import ENTRIES, HeldLog, entry_from, write
from flows.journal.looks import Look, looks
from flows.journal.openings import Openings
from flows.journal.redact import Redactor
from flows.journal.retention import Retention
from flows.journal.rights import TABLES, Rights, rights
from flows.journal.seal import Seal, last_seal, seal_all
from flows.journal.series import AllSeries
from flows.journal.stored import Stored, snapshot
from flows.journal.summary import IncidentSummary, NoSuchIncident
from tasks.model import Earlier, Finding

# More than there are watches.
MOST_CHAINS = 10_000


class JournalBroken(Exception):
    """An incident's entries are not what was written, so nothing may be decided by them."""


class Retired(Exception):
    """The incident was retired: what happened in it is in an export, so nothing may be decided by what is here."""


class Journal:
    """The journal in the database at `url`; everything written passes through `redact` first.

    Opening a session costs milliseconds and an incident takes minutes, so each errand has a session of its own:
    nothing is shared between threads or inherited by a forked process. Only `hold` keeps one.
    """

    def __init__(self, url: SecretStr, redact: Redactor) -> None:
        self._url = url
        self._redact = redact

    def open(self) -> Journal:
        """Look now instead of at the first entry: reachable, migrated, readable, and no transaction pooler between.

        Raises:
            JournalUnavailable: one of these is not so; the message says which.
        """
        with session_of(self._url) as session:
            refuse_transaction_pooler(session, self._url)
            for table in TABLES:
                session.execute(f"SELECT FROM incident.{table} LIMIT 1".encode())
        return self

    @contextmanager
    def hold(self, incident: str) -> Iterator[HeldLog]:
        """Execute `incident`: its lock, and the only session this process writes its entries with. See HeldLog.

        Raises:
            HeldElsewhere: another process executes it.
            JournalBroken: its entries were tampered with; a run must not act on what they say.
            Retired: its entries were removed.
            NotRecordable: `incident` cannot be an id.
            JournalUnavailable: the database does not answer, or is behind a transaction pooler.
        """
        checked("incident", incident)
        session = connect(self._url)
        try:
            with speaking(self._url):
                refuse_transaction_pooler(session, self._url)
                locks.take(session, incident)
            log = HeldLog(session, self._url, self._redact, incident)
            if log.entries and stands_for_removed(log.entries[0]):
                raise Retired(f"Incident {incident} is not executed again: retired, {log.entries[0].body['says']}.")
            complaint = broken(log.entries)
            if complaint:
                raise JournalBroken(f"Incident {incident} is not executed: its journal was tampered with. {complaint}")
            yield log
        finally:
            # A lost session has let go already.
            with suppress(psycopg.Error):
                locks.release(session, incident)
            session.close()

    def is_held(self, incident: str) -> bool:
        """Does any process execute this incident? Asks without touching its lock.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return locks.holder(session, incident) is not None

    def rights(self) -> Rights:
        """What the running role may do with the tables.

        Raises:
            JournalUnavailable: the database does not answer, or has no tables yet.
        """
        with session_of(self._url) as session:
            return rights(session)

    def read(self, incident: str) -> tuple[Entry, ...]:
        """Everything recorded about `incident`, which is nothing if there is no such incident.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return tuple(map(entry_from, session.execute(ENTRIES, [incident, 0])))

    def note(self, incident: str, actor: str, key: str, told: Told) -> Entry:
        """Record something about `incident` without executing it: an answer, an expiry, an alert.

        Raises:
            NoSuchIncident: it was never opened, and this does not open it.
            AlreadyRecorded: the key exists.
            NotRecordable: a name or a value that cannot be kept.
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            refuse_transaction_pooler(session, self._url)
            # A mistyped id must not found an incident.
            if (
                told.kind != Opened.kind
                and not session.execute(ENTRIES + " LIMIT 1", [checked("incident", incident), 0]).fetchone()
            ):
                raise NoSuchIncident(f"There is no incident {incident!r} to note {key!r} on.")
            return write(session, self._redact, incident, actor, key, told)

    def find(self, prefix: str) -> str:
        """The id of the one incident that begins with `prefix`.

        Raises:
            NoSuchIncident: fewer than 4 characters, none fits, or several do.
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return summary.resolve(session, prefix)

    def beginning(self, prefix: str) -> list[str]:
        """The ids of all chains that begin with `prefix`.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return summary.matching(session, prefix, MOST_CHAINS)

    def incidents(
        self,
        open_only: bool = False,
        environment: str | None = None,
        runbook: str | None = None,
        limit: int = 50,
    ) -> list[IncidentSummary]:
        """The newest incidents first.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            found = summary.summaries(session, open_only=open_only, environment=environment, runbook=runbook)
            return list(itertools.islice(found, limit))

    def lately(self, places: Iterable[Place], limit: int = 1) -> dict[Place, list[LastRun]]:
        """The last `limit` times each (slug, environment) was gone through, the newest first.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return lately(session, places, limit)

    def measure(self, environment: str, incident: str | None, findings: Mapping[str, Finding]) -> int:
        """Keep the number and the verdict of every finding, by its check's name; how many there were.

        Raises:
            NotRecordable: a name or a fact that cannot be kept.
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return measurement.measure(session, self._redact, environment, incident, findings)

    def earlier(self, environment: str, checks: Iterable[str]) -> dict[str, Earlier]:
        """The last number each check found in `environment`; those that never found one are left out.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return measurement.latest(session, environment, checks)

    def looks(self, environment: str, checks: Iterable[str], most: int) -> dict[str, list[Look]]:
        """The last `most` answers that rounds of watches got to each check there, the newest first.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return looks(session, environment, checks, most)

    def use_code(self, name: str, step: int, by: str) -> bool:
        """Use up this approver's one-time code of a time step, in all incidents. False: another question used it.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return codes.use(session, self._redact, name, step, by)

    def note_wrong_code(self, name: str, by: str) -> None:
        """Count a code that was given in this approver's name and did not fit.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            codes.note_wrong(session, self._redact, name, by)

    def wrong_codes(self, name: str, within: timedelta) -> int:
        """How many codes that did not fit were given in this approver's name in that time.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return codes.wrong(session, name, within)

    def seal(self) -> list[Seal]:
        """Seal whatever no seal covers yet; the seals that were made, none if nothing was written since.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return seal_all(session)

    def last_seal(self) -> Seal | None:
        """The newest seal, if there is one.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session:
            return last_seal(session)

    @contextmanager
    def record(self, *, only: Sequence[str] = (), since: str | None = None) -> Iterator[Stored]:
        """The seals and entries as they are now, for an audit or an export; of all incidents unless told otherwise.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        with session_of(self._url) as session, snapshot(session):
            yield Stored(session, tuple(only), since)

    @property
    def alerts(self) -> Alerts:
        """What monitoring systems said."""
        return Alerts(self._url, self._redact)

    @property
    def openings(self) -> Openings:
        """The one door by which an incident is opened."""
        return Openings(self._url, self._redact)

    @property
    def retention(self) -> Retention:
        """What is old enough to go, and how it goes."""
        return Retention(self._url, self._redact)

    @property
    def series(self) -> AllSeries:
        """What was measured, as it is read again."""
        return AllSeries(self._url)
