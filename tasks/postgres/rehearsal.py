"""Would a table take these rows? They are put into one of our own that is like it, in a transaction that is undone.

Nothing else of the real one is touched: to write there and take it back would fire its triggers, whose mails and writes
elsewhere nobody takes back, draw from its sequences, and hold locks. What is told: a value that does not fit its type
(too long, an enum's missing label, a domain), NOT NULL, CHECK, no partition, a row that is not pointed at, and a unique
or excluded value that is taken. What a trigger would say is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tasks.model import Refused, Row
from tasks.postgres.queries import POINTED_AT, TWIN, UNIQUE_RULES
from tasks.postgres.session import Session

# Of rows that clash: nobody reads more.
MOST = 100

# A row's key as texts.
Key = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Twin:
    """A table of this transaction that takes what the table `real` takes."""

    real: str
    ident: str
    has_a_place: str


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A row of a twin that the real table would not take, and why; `other` has what it may not have alike."""

    key: Key
    why: str
    other: Key | None = None
    # `other` stands in the real table; otherwise it comes as well.
    stands: bool = False
    # Checked only when the statement, or the transaction, ends.
    late: bool = False


def twin_of(session: Session, table: str, written: Collection[str]) -> Twin:
    """An empty twin of `table` ('schema.name'), into whose columns `written` the rows will be put.

    Raises:
        Refused: this role may make no temporary table; CannotLook: no answer.
    """
    row = session.run(TWIN, table=table, written=list(written))[0]
    if not row["may"]:
        raise Refused(
            f"Whether the rows fit into {table} cannot be tried: {row['user']} may make no temporary table.",
            remedy=str(row["grant_temporary"]),
        )
    ident = _meant(row["ident"])
    session.run(_meant(row["make"]))
    if row["loosen"]:
        session.run(f"ALTER TABLE {ident} {_meant(row['loosen'])}")
    return Twin(real=_meant(table), ident=ident, has_a_place=_meant(row["has_a_place"]))


def clashes(
    session: Session,
    twin: Twin,
    key: str,
    *,
    replaces: bool,
    also: Mapping[str, Sequence[Twin]],
    coming: Collection[str] = (),
) -> Iterator[Clash]:
    """The rows of `twin` that the real table would not take beside the rows it has.

    `key` is SQL for a row's key, over the alias t. A row `replaces` one with the same key, or it is a clash. Rows that
    are pointed at may also come with the twins `also`, by the tables they are twins of, or, unseen here, into the
    tables `coming`.

    Raises:
        CannotLook, Refused: no answer.
    """
    table = twin.real.replace("%%", "%")
    homeless = f"SELECT {key} AS key FROM {twin.ident} AS t WHERE NOT ({twin.has_a_place}) LIMIT {MOST}"  # noqa: S608
    yield from (Clash(key=_key(row), why="no partition takes it") for row in session.run(homeless))
    for rule in session.run(UNIQUE_RULES, table=table):
        apart = "a.key <> b.key" if replaces else "true"
        for place, condition in ((twin.real, apart), (twin.ident, "a.place <> b.place")):
            for row in session.run(_alike(twin, place, key, rule, condition)):
                yield Clash(
                    key=_key(row),
                    why=f"{_said(row['other'])} has the same by {rule['name']}",
                    other=_key({"key": row["other"]}),
                    stands=place == twin.real,
                    late=bool(rule["deferrable"]),
                )
    for rule in session.run(POINTED_AT, table=table):
        if rule["readable"] and rule["parent"] not in coming:
            for row in session.run(_lost(twin, key, rule, also.get(str(rule["parent"]), ()))):
                yield Clash(key=_key(row), why=f"{rule['parent']} has no row that it points at by {rule['name']}")


def unseen(session: Session, twin: Twin) -> list[Row]:
    """The foreign keys of which it cannot be told whether their rows are there: {name, parent, grant_read}."""
    return [rule for rule in session.run(POINTED_AT, table=twin.real.replace("%%", "%")) if not rule["readable"]]


def _alike(twin: Twin, place: str, key: str, rule: Row, condition: str) -> str:
    """Pairs of a row of the twin and another of `place` that a rule forbids."""
    parts = [_meant(part) for part in cast(list[str], rule["parts"])]
    operators = [_meant(one) for one in cast(list[str], rule["operators"])]
    listed = ", ".join(f"{part} AS p{n}" for n, part in enumerate(parts))
    rows = f"SELECT {key} AS key, t.ctid AS place, {listed} FROM <table> AS t WHERE {_meant(rule['only_where'])}"  # noqa: S608
    alike = " AND ".join(
        f"(a.p{n} {one} b.p{n}{f' OR (a.p{n} IS NULL AND b.p{n} IS NULL)' if rule['nulls_alike'] else ''})"
        for n, one in enumerate(operators)
    )
    ours, theirs = rows.replace("<table>", twin.ident), rows.replace("<table>", place)
    return (
        f"SELECT a.key, b.key AS other FROM ({ours}) a JOIN ({theirs}) b ON {alike} "  # noqa: S608
        f"WHERE {condition} LIMIT {MOST}"
    )


def _lost(twin: Twin, key: str, rule: Row, also: Sequence[Twin]) -> str:
    """Rows of the twin that point over a foreign key at rows that are not there."""
    places = [_meant(rule["parent_rows"]), *(one.ident for one in also)]
    there = " AND ".join(f"NOT EXISTS (SELECT FROM {place} p WHERE {_meant(rule['same'])})" for place in places)
    return (
        f"SELECT {key} AS key FROM {twin.ident} AS t CROSS JOIN LATERAL (SELECT t.*) c "  # noqa: S608
        f"WHERE ({_meant(rule['points'])}) AND {there} LIMIT {MOST}"
    )


def _meant(text: object) -> str:
    """SQL of the server's, in which each % is meant."""
    return str(text).replace("%", "%%")


def _key(row: Row) -> Key:
    return tuple(cast(list[str | None], row["key"]))


def _said(key: object) -> str:
    return f"the row {', '.join(str(part) for part in cast(list[str | None], key))}"
