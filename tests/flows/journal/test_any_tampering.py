"""One thing in the record is changed by its owner, whichever it is: does the audit name the incident, or the seal?

Each change is made in a transaction that is audited and rolled back, so a hundred take seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from psycopg import sql
from psycopg.types.json import Json
from pydantic import SecretStr

from flows.journal import Audit, Journal, Redactor, complaints
from flows.journal.stored import Stored
from flows.keepers.retire import removable, retire
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, copied
from tests.flows.journal.old import old_incident
from tests.flows.raw import Raw
from tests.left_out import examples

YEAR = timedelta(days=365)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8
)
MOMENTS = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0"))
NUMBERS = st.integers(1, 12)
BODIES = st.dictionaries(WORDS, WORDS | st.integers(-9, 9) | st.booleans() | st.none(), max_size=3)
# What the database takes in each column.
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "entries": {
        "incident": st.sampled_from(["inc-0", "inc-1", "inc-2", "inc-9"]),
        "seq": NUMBERS,
        "at": MOMENTS,
        "actor": WORDS,
        "kind": WORDS | st.sampled_from(["retired", "closed", "note"]),
        "key": WORDS,
        "body": BODIES,
        "prev": HASHES,
        "hash": HASHES,
    },
    "heads": {
        "seal": NUMBERS,
        "incident": st.sampled_from(["inc-0", "inc-1", "inc-9"]),
        "seq": NUMBERS,
        "hash": HASHES,
    },
    "seals": {"seal": NUMBERS, "at": MOMENTS, "heads": NUMBERS, "digest": HASHES, "prev": HASHES, "hash": HASHES},
}


@dataclass(frozen=True)
class Row:
    """One row of the record, where it stands, and whose it is."""

    table: str
    place: str
    fields: dict[str, Any]
    named: str


@dataclass
class Record:
    """A sealed record, a session that may do everything with it, and its rows."""

    session: psycopg.Connection[tuple[object, ...]]
    rows: list[Row]
    # Without it nobody would miss the newest seal.
    anchors: dict[int, str]

    def complaints(self) -> list[str]:
        with self.session.transaction():
            return [complaint.where for complaint in complaints(Stored(self.session), Audit(), self.anchors)]


@pytest.fixture(scope="module")
def record(postgres18: Server, migrated: Roles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """Two incidents, one that was retired and removed, and four seals over all of it."""
    folder: Path = tmp_path_factory.mktemp("exports")
    with copied(postgres18, migrated) as roles:
        journal = roles.journal()
        old_incident(roles, "inc-0")
        old_incident(roles, "inc-1", closed=False)
        assert sum(batch.retired for batch in retire(journal, folder, YEAR, journal.seal)) == 1
        owner = Journal(SecretStr(roles.owner_url), Redactor([]))
        found = removable(owner, folder, YEAR, None)
        assert sum(owner.retention.remove(one.tombstone for one in found.entombed)) == 4
        old_incident(roles, "inc-2")
        journal.seal()
        journal.note("inc-1", "ana", "later", Raw("note", {"n": 1}))
        journal.seal()
        with psycopg.connect(roles.admin_url) as session:
            for table in VALUES:
                session.execute(sql.SQL("ALTER TABLE incident.{} DISABLE TRIGGER ALL").format(sql.Identifier(table)))
            newest = journal.last_seal()
            assert newest
            made = Record(session, list(rows(session)), {newest.seal: newest.hash})
            assert made.complaints() == []
            yield made
            session.rollback()


def rows(session: psycopg.Connection[tuple[object, ...]]) -> Iterator[Row]:
    for table, columns in VALUES.items():
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        for values in session.execute(
            sql.SQL("SELECT ctid::text, {} FROM incident.{} ORDER BY 1").format(names, sql.Identifier(table))
        ):
            fields = dict(zip(columns, values[1:], strict=True))
            named = f"seal {fields['seal']}" if "seal" in fields else fields["incident"]
            yield Row(table, str(values[0]), fields, str(named))


@st.composite
def tamperings(draw: st.DrawFn) -> tuple[str, int, str, object]:
    """What is done, to which row of all, in which column, and what is written there."""
    done = draw(st.sampled_from(["change", "change", "remove", "add"]))
    table = draw(st.sampled_from(["entries", "entries", "entries", "heads", "seals"]))
    column = draw(st.sampled_from(list(VALUES[table])))
    return f"{done} {table}", draw(st.integers(0, 99)), column, draw(VALUES[table][column])


def tamper(record: Record, row: Row, done: str, column: str, value: object) -> set[str]:
    """Do it; whom the audit must name, one of them."""
    table = sql.Identifier(row.table)
    written = Json(value) if column == "body" else value
    match done:
        case "remove":
            record.session.execute(sql.SQL("DELETE FROM incident.{} WHERE ctid = {}::tid").format(table, row.place))
        case "change":
            assume(row.fields[column] != value)
            statement = sql.SQL("UPDATE incident.{} SET {} = %s WHERE ctid = {}::tid")
            record.session.execute(statement.format(table, sql.Identifier(column), row.place), [written])
        case "add":
            fields = {**row.fields, column: value}
            values = [Json(v) if k == "body" else v for k, v in fields.items()]
            names = sql.SQL(", ").join(map(sql.Identifier, fields))
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(fields))
            record.session.execute(
                sql.SQL("INSERT INTO incident.{} ({}) VALUES ({})").format(table, names, marks), values
            )
    return {row.named, *({str(value)} if column == "incident" else ())}


@settings(
    max_examples=examples(150),
    # The same changes in every run: another one belongs on a desk, not into somebody's merge.
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(tampering=tamperings())
def test_it_names_what_was_tampered_with(record: Record, tampering: tuple[str, int, str, object]) -> None:
    what, number, column, value = tampering
    done, table = what.split()
    of_table = [row for row in record.rows if row.table == table]
    row = of_table[number % len(of_table)]
    event(what)
    with record.session.transaction(force_rollback=True):
        try:
            with record.session.transaction():
                expected = tamper(record, row, done, column, value)
        except psycopg.IntegrityError:
            # The database's own constraints hold without any trigger.
            assume(False)
        told = set(record.complaints())
        if table != "entries":
            # A seal over something else is no longer the one that the next one follows, and covers no incident.
            assert told, (what, row, column, value)
        else:
            assert told & expected, (what, row, column, value, told)
