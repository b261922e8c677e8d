"""HeldLog: one incident's entries while this process, and no other, executes the incident."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg
from psycopg import errors
from pydantic import SecretStr

from flows.journal.body import KINDS, Told
from flows.journal.chain import GENESIS, chained
from flows.journal.connection import Connection, JournalUnavailable, speaking
from flows.journal.entry import Entry, NotRecordable, checked, read_back, written
from flows.journal.locks import turn_key, write_key
from flows.journal.openings import Asked, register
from flows.journal.redact import Redactor

# Writers queue at the lock, so only one that does not take it can get in between; five such in a row are no accident.
ATTEMPTS = 5
# How often somebody who waits for a turn looks whether it has come.
TURN_POLL_S = 0.5

COLUMNS = "incident, seq, at, actor, kind, key, body::text, prev, hash"
ENTRIES = f"SELECT {COLUMNS} FROM incident.entries WHERE incident = %s AND seq > %s ORDER BY seq"  # noqa: S608 - constant
_BY_KEY = f"SELECT {COLUMNS} FROM incident.entries WHERE incident = %s AND key = %s"  # noqa: S608 - constant
# The server's clock may be set back; an incident's time does not run backwards.
_HEAD = """
    SELECT coalesce(head.seq, 0) + 1,
           greatest(to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') COLLATE "C",
                    head.at),
           coalesce(head.hash, %s)
      FROM (VALUES (1)) AS always
      LEFT JOIN (SELECT seq, at, hash FROM incident.entries WHERE incident = %s ORDER BY seq DESC LIMIT 1) AS head
        ON true
"""
_AGE = "SELECT extract(epoch FROM clock_timestamp() - %s::timestamptz)"
_INSERT = """
    INSERT INTO incident.entries (incident, seq, at, actor, kind, key, body, prev, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class AlreadyRecorded(Exception):
    """The incident has an entry with this key; `entry` is it."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(f"Incident {entry.incident} already has {entry.key!r}: entry {entry.seq}, {entry.at}.")
        self.entry = entry


class LockLost(JournalUnavailable):
    """The session that held the incident's lock is gone, so another process may execute the incident by now."""


def entry_from(row: tuple[object, ...]) -> Entry:
    incident, seq, at, actor, kind, key, body, prev, hashed = row
    return Entry(
        incident=str(incident),
        seq=int(str(seq)),
        at=str(at),
        actor=str(actor),
        kind=str(kind),
        key=str(key),
        body=read_back(str(body)),
        prev=str(prev),
        hash=str(hashed),
    )


def write(session: Connection, redact: Redactor, incident: str, actor: str, key: str, told: Told) -> Entry:
    """Append one entry in one transaction:

    1. wait for the incident's other writers,
    2. read the head and the clock,
    3. insert; the database refuses a key it has, and a seq or prev that is not the head's.

    Raises:
        AlreadyRecorded: the key exists.
        NotRecordable: a name or a value that cannot be kept, or a kind of entry that nobody declared.
        JournalUnavailable: somebody who does not queue keeps getting in between.
        psycopg.Error: the database failed; whether the entry was kept is then seen by asking for its key.
    """
    if told.kind not in KINDS:
        raise NotRecordable(f"No kind of entry is called {told.kind!r}. Declare it in flows/journal/kinds.py.")
    for what, name in (("incident", incident), ("key", key)):
        checked(what, name)
    actor = redact.text(checked("actor", actor))
    text = written(redact.body(told.body()))  # type: ignore[arg-type]  # `written` refuses what is no table
    # Read back, so that what is hashed now is what every later reader will hash.
    kept = read_back(text)
    for _ in range(ATTEMPTS):
        try:
            with session.transaction():
                session.execute("SELECT pg_advisory_xact_lock(%s)", [write_key(incident)])
                seq, at, prev = session.execute(_HEAD, [GENESIS, incident]).fetchall()[0]
                entry = chained(
                    incident=incident,
                    seq=int(str(seq)),
                    at=str(at),
                    actor=actor,
                    kind=told.kind,
                    key=key,
                    body=kept,
                    prev=str(prev),
                )
                fields = [incident, entry.seq, entry.at, actor, entry.kind, key, text, entry.prev, entry.hash]
                session.execute(_INSERT, fields)
        except errors.UniqueViolation:
            recorded = session.execute(_BY_KEY, [incident, key]).fetchone()
            if recorded:
                raise AlreadyRecorded(entry_from(recorded)) from None
        except errors.SerializationFailure:
            continue
        else:
            return entry
    raise JournalUnavailable(
        f"Incident {incident}: {ATTEMPTS} times another writer was first. Something writes to the journal that is not "
        "this program; look for it in pg_stat_activity."
    )


class HeldLog:
    """The journal of one incident, held by this process.

    The session that owns the incident's lock is the only one used for writing: a lost connection is a lost lock, and
    from then on this object writes nothing more. So two executors can never both write, however late one of them
    notices that the other took over (fencing). It never reconnects.

    Threads may share it.
    """

    def __init__(self, session: Connection, url: SecretStr, redact: Redactor, incident: str) -> None:
        self._session = session
        self._url = url
        self._redact = redact
        self._incident = incident
        self._known: list[Entry] = []
        self._by_key: dict[str, Entry] = {}
        self._lock = threading.RLock()

    @property
    def incident(self) -> str:
        return self._incident

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Everything recorded so far, by whoever.

        Raises:
            JournalUnavailable: the session is gone, and the lock with it.
        """
        with self._lock:
            self._catch_up()
            return tuple(self._known)

    def get(self, key: str) -> Entry | None:
        """The entry with this key, if it has happened.

        Raises:
            JournalUnavailable: the session is gone, and the lock with it.
        """
        with self._lock:
            # What was recorded stays: only an unknown key is worth a question.
            if key not in self._by_key:
                self._catch_up()
            return self._by_key.get(key)

    def append(self, actor: str, key: str, told: Told) -> Entry:
        """Record that something happened, redacted, chained and committed when this returns.

        Raises:
            AlreadyRecorded: the key exists; its `entry` says what happened first.
            NotRecordable: a name or a value that cannot be kept.
            JournalUnavailable: the session is gone, and the lock with it. Do nothing further.
        """
        with self._lock, self._fenced():
            return write(self._session, self._redact, self._incident, actor, key, told)

    def register(self, asked: Asked) -> None:
        """Whoever asks for the same from now on gets this incident.

        Raises:
            JournalUnavailable: the session is gone, and the lock with it. Do nothing further.
        """
        with self._lock, self._fenced():
            register(self._session, self._redact, self._incident, asked)

    def confirm(self) -> None:
        """Ask whether the lock is still ours, for what must not happen without it.

        Raises:
            LockLost: it is not. Do nothing further.
        """
        with self._lock, self._fenced():
            self._session.execute("SELECT")

    def age_s(self, entry: Entry) -> float:
        """How long ago it was recorded, in seconds, by the clock that recorded it; never below zero.

        Raises:
            JournalUnavailable: the session is gone, and the lock with it.
        """
        with self._lock, self._fenced():
            row = self._session.execute(_AGE, [entry.at]).fetchone()
        return max(0.0, float(str(row[0]))) if row else 0.0

    def once(self, key: str, actor: str, make: Callable[[], Told]) -> Entry:
        """The recorded entry, or a new one of what `make` says. Two threads may both make; one is recorded.

        Raises:
            NotRecordable: a name or a value that cannot be kept.
            JournalUnavailable: the session is gone, and the lock with it. Do nothing further.
        """
        recorded = self.get(key)
        if recorded:
            return recorded
        try:
            return self.append(actor, key, make())
        except AlreadyRecorded as already:
            return already.entry

    @contextmanager
    def turns(self, targets: Sequence[str], within_s: float) -> Iterator[bool]:
        """Be the only incident that changes these targets, for the length of the block; False if others would not end.

        Held by the same session as the incident itself: whoever loses one has lost the other.

        Raises:
            JournalUnavailable: the session is gone, and the lock with it. Do nothing further.
        """
        until = time.monotonic() + within_s
        taken: list[str] = []
        try:
            # In one order for everybody: two that each wait for the other would wait for ever.
            for target in sorted(targets):
                if not self._turn(target, until):
                    break
                taken.append(target)
            yield len(taken) == len(targets)
        finally:
            # A lost session has let go already.
            with suppress(psycopg.Error), self._lock:
                for target in taken:
                    self._session.execute("SELECT pg_advisory_unlock(%s)", [turn_key(target)])

    def _turn(self, target: str, until: float) -> bool:
        while True:
            with self._lock, self._fenced():
                row = self._session.execute("SELECT pg_try_advisory_lock(%s)", [turn_key(target)]).fetchone()
            if row and row[0]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(TURN_POLL_S)

    def _catch_up(self) -> None:
        with self._fenced():
            last = self._known[-1].seq if self._known else 0
            rows = self._session.execute(ENTRIES, [self._incident, last]).fetchall()
        for entry in map(entry_from, rows):
            self._known.append(entry)
            self._by_key[entry.key] = entry

    @contextmanager
    def _fenced(self) -> Iterator[None]:
        try:
            with speaking(self._url):
                yield
        except JournalUnavailable as error:
            if not self._session.closed:
                raise
            raise LockLost(
                f"Incident {self._incident}: the database session that held its lock is gone, so another process may "
                f"execute it now. This one records nothing more and must stop. {error}"
            ) from error
