"""One connection of ours to a Postgres server, every limit set.

The only file in tasks/ that speaks through psycopg.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Self

import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr

from tasks.model import CannotLook, Json, Refused, Row
from tasks.postgres.beginning import PINNED, Manner, beginning, giving_back, named_if_direct
from tasks.postgres.codes import in_english
from tasks.postgres.cutting import GRACE_S, cut_when_silent
from tasks.postgres.loaders import codec_of, register
from tasks.postgres.masking import masked
from tasks.postgres.refusals import NotConnected, Place, Reason, at_the_door, of_the_statement
from tasks.postgres.reserve import came, went
from tasks.postgres.url import place_of
from tasks.postgres.values import as_json

APPLICATION = "incident-pipelines"
# The journal's sessions (flows/journal), and the roles that the stack makes for it (deployments/databases.py).
JOURNAL = "incident-journal"
JOURNAL_ROLES = ("incident_owner", "incident_runner")

# Below this libpq does not go.
LEAST_CONNECT_TIMEOUT_S = 2
# A role's own limit of a millisecond may end our first statement, which lifts it.
BEGIN_TRIES = 5
# Of the encodings a server may have, Python knows all but these.
_STRANGE = ("EUC_TW", "MULE_INTERNAL")

PIN = f"SET LOCAL search_path = {PINNED}"

_log = logging.getLogger(__name__)


class Session:
    """One connection of our own. Its errors are CannotLook and Refused; closing it rolls back what is open."""

    def __init__(
        self,
        connection: psycopg.Connection[dict[str, object]],
        place: Place,
        manner: Manner,
        limit_s: float | None,
        application: str,
        roles: Collection[str],
    ) -> None:
        self._connection = connection
        self._place = place
        self._manner = manner
        self._limit_s = limit_s
        self._application = application
        # A name everybody can give his session, a role nobody.
        asking = [f"{role}/{APPLICATION}" for role in sorted({place.user, *roles})]
        self._known = {"asking": asking, "ours": [*asking, *(f"{role}/{JOURNAL}" for role in JOURNAL_ROLES)]}
        self._pid = connection.info.backend_pid
        self._direct: bool | None = None
        self._closed = False

    @classmethod
    def open(
        cls,
        url: SecretStr,
        *,
        application: str,
        connect_timeout_s: float,
        limit_s: float | None,
        manner: Manner,
        lock_s: float | None = None,
        silent_s: float = 0,
        roles: Collection[str] = (),
    ) -> Self:
        """Connect, and begin a transaction; one that reads can do nothing else. Not in the manner ALONE: `leave_alone`.

        Sessions of these `roles` and of its own that bear our name are ours: never signalled, not counted as waiting.

        Raises:
            CannotLook, Refused: it did not come about.
        """
        place = place_of(url)
        timeout_s = max(LEAST_CONNECT_TIMEOUT_S, round(connect_timeout_s))
        try:
            # connect_timeout does not cover the resolver, which Python asks before libpq begins: `Check.limit` does.
            connection = psycopg.connect(
                url.get_secret_value(),
                # Said afterwards: a pooler would leave our name to its next client that has none.
                application_name="",
                client_encoding="utf8",
                connect_timeout=timeout_s,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                # A network may be silent so long: what is to last for hours is not lost for a few seconds.
                tcp_user_timeout=round(1000 * max(limit_s or 60, silent_s)),
                # We begin our transactions ourselves, all that is set for them in the same statement.
                autocommit=True,
                # A prepared statement would not be there on the next server that a transaction pooler gives out.
                prepare_threshold=None,
                row_factory=dict_row,
            )
        except (psycopg.Error, UnicodeError) as error:
            _log.info("%s: %s", place, error)
            raise _not_connected(url, place, str(error), timeout_s) from None
        register(connection)
        came(str(place))
        session = cls(connection, place, manner, limit_s, application, roles)
        try:
            session._begin(lock_s)
        except CannotLook:
            session.close()
            raise
        return session

    @property
    def pid(self) -> int:
        """The server process that serves this session; behind a pooler one that it made up, until `leave_alone`."""
        return self._pid

    @property
    def direct(self) -> bool:
        """Is there no pooler between? The process that answers is the one that we were told of when we came."""
        return bool(self._direct)

    def backend(self) -> int:
        """The server process that answers now.

        Raises:
            CannotLook, Refused: no answer.
        """
        return int(str(self.run("SELECT pg_catalog.pg_backend_pid() AS pid")[0]["pid"]))

    def run(self, query: str, **params: object) -> list[Row]:
        """One statement; columns called `query` come masked. `ours` are our sessions as 'role/application'; `asking`
        those of them that are not the journal's.

        Raises:
            CannotLook, Refused: it failed, or did not answer in time.
        """
        with self._translated(), self._cut_when_silent():
            cursor = self._connection.execute(self._encoded(query), {**self._known, **params})
            rows = cursor.fetchall() if cursor.description else []
        return [{name: _shown(name, value) for name, value in row.items()} for row in rows]

    def copy_out(self, query: str, take: Callable[[bytes], object]) -> int:
        """Hand each piece of a `COPY … TO STDOUT` to `take`; how many rows it was. A % in it is meant.

        Raises:
            CannotLook, Refused: it failed, or did not end in time.
        """
        with self._translated(), self._cut_when_silent(), self._connection.cursor() as cursor:
            with cursor.copy(self._encoded(query)) as copy:
                for piece in copy:
                    take(bytes(piece))
            return cursor.rowcount

    def copy_in(self, query: str, pieces: Iterable[bytes]) -> int:
        """Feed `pieces` to a `COPY … FROM STDIN`; how many rows it was. A % in it is meant.

        Raises:
            CannotLook, Refused: it failed, or did not end in time. What `pieces` raises passes through.
        """
        with self._translated(), self._cut_when_silent(), self._connection.cursor() as cursor:
            with cursor.copy(self._encoded(query)) as copy:
                for piece in pieces:
                    copy.write(piece)
            return cursor.rowcount

    def verifier(self, password: SecretStr) -> str:
        """What the server keeps in place of `password`, made here: the password itself is neither sent nor logged."""
        made = self._connection.pgconn.encrypt_password(password.get_secret_value().encode(), b"", b"scram-sha-256")
        return made.decode()

    def cancel(self) -> None:
        """Stop the statement that another thread runs here."""
        with self._translated():
            self._connection.cancel_safe(timeout=GRACE_S)

    def rest(self) -> bool:
        """Leave the transaction, and with it its snapshot and its locks; False when the connection is gone."""
        with suppress(psycopg.Error):
            self._connection.rollback()
        return not self._connection.closed

    def wake(self) -> bool:
        """A new transaction like the first; False when the connection was lost at rest."""
        try:
            self._begin()
        except CannotLook:
            return False
        return True

    def leave_alone(self, limit_s: float | None, lock_s: float | None = None) -> None:
        """From now on each statement is a transaction of its own. For a server process that nobody else is given.

        Raises:
            CannotLook, Refused: no answer.
        """
        self._pid = self._pid if self.direct else self.backend()
        self.rest()
        self._manner, self._limit_s = Manner.ALONE, limit_s
        self._begin(lock_s)

    def own_schemas(self) -> list[str]:
        """Where this role itself looks names up that have no schema, in its order. Ours is pinned again afterwards.

        Raises:
            CannotLook, Refused: no answer.
        """
        asked = f"SET LOCAL search_path TO DEFAULT; SELECT pg_catalog.current_schemas(false) AS own; {PIN}"
        with self._translated(), self._cut_when_silent():
            cursor = self._connection.execute(asked.encode())
            cursor.nextset()
            row = cursor.fetchone()
        return [str(name) for name in row["own"]] if row and isinstance(row["own"], list) else []

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if not self.direct:
            # A pooler keeps the server's session for whoever comes next, unless a transaction is open on it.
            with suppress(psycopg.Error), cut_when_silent(self._connection.fileno(), 0):
                self._connection.rollback()
                if self._manner is Manner.ALONE:
                    back = giving_back(self._connection.info.server_version, self._encoding)
                    self._connection.execute(back.encode())
        self._connection.close()
        went(str(self._place))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self, lock_s: float | None = None) -> None:
        with self._translated(), self._cut_when_silent():
            for _ in range(BEGIN_TRIES - 1):
                try:
                    self._set_out(lock_s)
                except psycopg.errors.QueryCanceled:
                    with suppress(psycopg.errors.QueryCanceled):
                        self._connection.rollback()
                else:
                    return
            self._set_out(lock_s)

    def _set_out(self, lock_s: float | None) -> None:
        if self._direct is None:
            told = named_if_direct(self._application, self._connection.info.backend_pid)
            row = self._connection.execute(told.encode()).fetchone()
            self._direct = bool(row and row["direct"])
        begun = beginning(
            self._manner,
            version=self._connection.info.server_version,
            encoding=self._encoding,
            limit_s=self._limit_s,
            lock_s=lock_s,
            application="" if self.direct else self._application,
        )
        self._connection.execute(begun.encode())

    @property
    def _encoding(self) -> str:
        said = self._connection.info.parameter_status("server_encoding") or "UTF8"
        return "UTF8" if said in _STRANGE else said

    def _encoded(self, query: str) -> bytes:
        return query.encode(codec_of(self._connection))

    def _cut_when_silent(self) -> AbstractContextManager[None]:
        return cut_when_silent(self._connection.fileno(), self._limit_s)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            _log.info("%s: %s", self._place, error)
            text = error.diag.message_primary or type(error).__name__
            if not error.sqlstate and isinstance(error, psycopg.DataError):
                raise Refused(f"{self._place} answered what we cannot read: {error}.") from None
            raise of_the_statement(self._place, error.sqlstate or "", text, self._limit_s) from None
        except UnicodeEncodeError as error:
            raise Refused(
                f"{self._place} keeps its texts in {self._encoding}, which has no {error.object[error.start]!r}."
            ) from None


def _not_connected(url: SecretStr, place: Place, text: str, timeout_s: float) -> NotConnected:
    said = at_the_door(place, text, timeout_s)
    if said.reason is not Reason.OTHER:
        return said
    # A server may speak any language.
    english = in_english(url.get_secret_value(), timeout_s)
    return at_the_door(place, english, timeout_s) if english else said


def _shown(name: str, value: object) -> Json:
    # At the door, so that no check can forget it: a statement may hold anybody's password.
    return masked(value) if name == "query" and isinstance(value, str) else as_json(value)
