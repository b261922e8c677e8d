"""Every question the catalog puts to a Postgres, asked as the engine does. A new runbook's are among them by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from runbooks.catalog import Catalog
from runbooks.model import AnyCheck
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Earlier, Finding, Threshold
from tasks.postgres.system import PostgresServer


def catalogued() -> list[AnyCheck]:
    """The checks of the whole catalog that ask a Postgres and nothing else, each once."""
    asked = {one.name: one for entry in Catalog.load() for one in entry.runbook.checks}
    return [
        one
        for one in asked.values()
        if one.systems and all(issubclass(system, PostgresServer) for system in one.systems.values())
    ]


QUESTIONS = catalogued()
every_question = pytest.mark.parametrize("asked", QUESTIONS, ids=lambda asked: str(asked.name))


def place(
    postgres: PostgresServer, thresholds: Mapping[str, Mapping[str, Threshold]] | None = None, **systems: Any
) -> Environment:
    """An environment with this server in it: both sides of a comparison, if a check compares."""
    return Environment(
        name="test", kind=Kind.LAB, systems={"postgres": postgres, **systems}, thresholds=thresholds or {}
    )


def ask(asked: AnyCheck, where: Environment, earlier: Earlier | None = None) -> Finding:
    """One attempt. What may be raised is UNKNOWN, as in flows/life/diagnose.py; a crash fails the test."""
    try:
        return asked.ask(where, earlier)
    except CannotLook as error:
        return Finding.unknown(error.says, remedy=error.remedy)


def again(asked: AnyCheck, where: Environment, first: Finding, ago_s: float = 300) -> Finding:
    """Ask a second time, given the first answer as the one `ago_s` seconds ago."""
    return ask(asked, where, Earlier(at_s=time.time() - ago_s, value=first.value or 0.0, facts=first.facts))


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One statement of ours, and what its transaction held when it was done."""

    statement: str
    read_only: bool
    limits: tuple[str, ...]
    locks: frozenset[tuple[str, str]]  # what kind of thing, how strongly


# Postgres keeps every lock on a relation to the end of the transaction: after the statement all of them are there.
HELD = """
SELECT current_setting('transaction_read_only') = 'on',
    ARRAY[current_setting('statement_timeout'), current_setting('lock_timeout')],
    ARRAY(SELECT locktype || ' ' || mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid')
"""


@contextmanager
def watched(port: int, *users: str) -> Iterator[list[Seen]]:
    """Every statement that these users' sessions run meanwhile on the server at `port`, whatever code opened them."""
    seen: list[Seen] = []
    execute = psycopg.Cursor.execute

    def executed(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        result = execute(cursor, query, *arguments, **options)
        connection = cursor.connection
        ours = connection.info.port == port and connection.info.user in users
        # Whether there is a pooler between is asked before any transaction, and touches nothing.
        if (
            ours
            and not (isinstance(query, bytes) and query.endswith(b"AS direct"))
            and connection.info.transaction_status is not TransactionStatus.INERROR
        ):
            look = psycopg.Cursor(connection, row_factory=tuple_row)
            found = execute(look, HELD).fetchone()
            assert found is not None
            locks = frozenset(tuple(lock.rsplit(" ", 1)) for lock in found[2])
            text = query.decode() if isinstance(query, bytes) else str(query)
            seen.append(Seen(statement=text, read_only=found[0], limits=tuple(found[1]), locks=locks))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", executed)
        yield seen
