"""Which rows are a tenant's: its tables as the server knows them, in the order in which they can be brought in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.model import BlastRadius, Plan, Refused, Risk, Row
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count
from tasks.tenant.queries import REFERENCES, TABLES
from tasks.tenant.system import TenantTable

# The tenant reaches SQL as a setting of our own transaction and never as text: COPY takes no parameters.
SET_TENANT = "SELECT set_config('incident.tenant', %(tenant)s, true)"
TENANT = "current_setting('incident.tenant')"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column; `ident` is its name as the server quotes it, `equals` the operator by which its type compares."""

    name: str
    ident: str
    type: str
    compared_as: str
    equals: str
    is_object: bool


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table with a tenant's rows. `belongs` is the condition that finds them once SET_TENANT has run."""

    ident: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    belongs: str
    # Where the tenant itself stands; None where the rows belong to another table's.
    holds: Column | None

    @property
    def listed(self) -> str:
        return ", ".join(column.ident for column in self.columns)

    @property
    def key_sql(self) -> str:
        """A row's key as texts, over the alias t; every % is doubled."""
        names = {column.name: column.ident for column in self.columns}
        return f"ARRAY[{', '.join(f't.{names[name]}::text' for name in self.key)}]".replace("%", "%%")

    @property
    def count(self) -> str:
        """How many rows are the tenant's; every % is meant."""
        return f"SELECT count(*) AS rows FROM {self.ident} WHERE {self.belongs}"  # noqa: S608 - quoted by the server

    @property
    def copy_out(self) -> str:
        """The statement that hands the tenant's rows out; every % is meant."""
        return f"COPY (SELECT {self.listed} FROM {self.ident} WHERE {self.belongs}) TO STDOUT (FORMAT csv, HEADER)"  # noqa: S608

    def shape(self) -> list[Row]:
        return [{"name": column.name, "type": column.type} for column in self.columns]


def tables_of(server: PostgresServer, declared: Sequence[TenantTable], *, writes: bool = False) -> tuple[Table, ...]:
    """The declared tables as `server` has them, parents before children.

    Raises:
        Refused: one is missing, closed to us, has no key, or they point at each other in a circle.
        CannotLook: no answer.
    """
    rows = server.rows(TABLES, names=[one.table for one in declared], own=server.own_schemas())
    known = {one.table: row for one, row in zip(declared, rows, strict=True)}
    for one in declared:
        _refuse_unfit(server, one, known[one.table], writes)
    found: dict[str, Table] = {}
    for one in declared:
        found[one.table] = _table(server, one, known[one.table], found)
    _refuse_twice([table.ident for table in found.values()])
    return _in_order(server, tuple(found.values()))


def left_out(server: PostgresServer, tables: Sequence[Table]) -> list[Row]:
    """Foreign keys that lead from a table outside to one of `tables`: its rows would be lost on the way."""
    inside = {table.ident for table in tables}
    return [row for row in server.rows(REFERENCES, idents=sorted(inside)) if row["child"] not in inside]


def set_tenant(session: Session, tables: Iterable[Table], tenant: str) -> None:
    """Name the tenant to the session's transaction.

    Raises:
        Refused: a column of another type than text would read `tenant` as something else, and find another's rows.
    """
    session.run(SET_TENANT, tenant=tenant)
    # Where policies hide rows, an error is better than an export that lacks them.
    session.run("SET LOCAL row_security = off")
    for column in {table.holds.compared_as: table.holds for table in tables if table.holds}.values():
        read = str(session.run(f"SELECT ({TENANT}::{column.compared_as})::text AS read")[0]["read"])
        if read != tenant:
            raise Refused(
                f"{tenant!r} is no tenant as {column.ident} ({column.type}) writes it; it would be read as {read!r}.",
                remedy=f"Name the tenant as it stands in {column.ident}.",
            )


def literal(value: str) -> str:
    """`value` as a person would type it in SQL, to be shown; nothing of ours runs it."""
    return "'" + value.replace("'", "''") + "'"


def nothing_to_do(says: str) -> Plan:
    """A plan without commands, that says why."""
    return Plan(
        does=says,
        commands=(),
        blast_radius=BlastRadius(touched=0, total=0, noun="rows"),
        risk=Risk.LOW,
        loses="Nothing.",
    )


def rows_of(session: Session, table: Table) -> int:
    """How many rows of `table` are the tenant's."""
    return int(str(session.run(table.count.replace("%", "%%"))[0]["rows"]))


def objects_in(tables: Sequence[Table]) -> dict[str, tuple[Table, Column]]:
    """The columns that may hold numbers of large objects, by 'schema.table.column'."""
    return {f"{t.ident}.{column.ident}": (t, column) for t in tables for column in t.columns if column.is_object}


def left_behind(session: Session, tables: Sequence[Table]) -> list[str]:
    """The tenant's large objects, which are no rows and in no file; a sentence for each column, with the way out."""
    told = []
    for name, (table, column) in objects_in(tables).items():
        rows = f"SELECT {column.ident} AS number FROM {table.ident} WHERE {table.belongs}".replace("%", "%%")  # noqa: S608
        query = (
            f"SELECT count(DISTINCT o.oid) AS objects FROM ({rows}) t JOIN pg_largeobject_metadata o ON o.oid = number"  # noqa: S608
        )
        if objects := int(str(session.run(query)[0]["objects"])):
            out = f"SELECT {column.ident}, lo_get({column.ident}) FROM {table.ident} WHERE …;"  # noqa: S608
            told.append(
                f"{count(objects, 'large object')} of {name} {'stays' if objects == 1 else 'stay'} behind: the files "
                f"hold their numbers only. To take them out: {out}"
            )
    return told


def _refuse_unfit(server: PostgresServer, one: TenantTable, row: Row, writes: bool) -> None:
    where = f"{one.table} on {server.address}"
    if row["ident"] is None:
        raise Refused(f"There is no table {where}.", remedy="Correct `tables` of the tenant system, or migrate first.")
    if not row["holds_rows"]:
        raise Refused(f"{where} is a view or a foreign table; it cannot be copied as of one moment.")
    if not row["key"]:
        raise Refused(
            f"{where} has no primary key: its rows could not be told apart, and an import not be taken back.",
            remedy=f"ALTER TABLE {row['ident']} ADD PRIMARY KEY (…);",
        )
    if row["filtered"]:
        raise Refused(
            f"Row security of {where} would hide rows from {server.place.user}.", remedy=str(row["grant_sight"])
        )
    if not row["readable"] or (writes and not row["writable"]):
        raise Refused(
            f"{where} is closed to {server.place.user}.", remedy=str(row["grant_write" if writes else "grant_read"])
        )


def _refuse_twice(idents: Sequence[str]) -> None:
    """`leads` and `public.leads` are one table, and its rows would be brought in twice."""
    twice = [ident for ident in idents if idents.count(ident) > 1]
    if twice:
        raise Refused(f"{twice[0]} is named twice in `tables` of the tenant system.", remedy="Remove one of the two.")


def _table(server: PostgresServer, one: TenantTable, row: Row, before: Mapping[str, Table]) -> Table:
    columns = tuple(Column(**told) for told in row["columns"] or ())  # type: ignore[arg-type,union-attr]
    column = _column(server, one.table, columns, one.column)
    if one.of is None:
        belongs = f"{column.ident} {column.equals} {TENANT}::{column.compared_as}"
    else:
        parent = before[one.of]
        key = _column(server, one.of, parent.columns, one.key)
        belongs = f"{column.ident} {column.equals} ANY (SELECT {key.ident} FROM {parent.ident} WHERE {parent.belongs})"  # noqa: S608
    return Table(
        ident=str(row["ident"]),
        columns=columns,
        key=tuple(str(name) for name in row["key"] or ()),  # type: ignore[union-attr]
        belongs=belongs,
        holds=column if one.of is None else None,
    )


def _column(server: PostgresServer, table: str, columns: Sequence[Column], name: str) -> Column:
    found = next((column for column in columns if column.name == name), None)
    if found is None:
        raise Refused(
            f"{table} on {server.address} has no column {name}.",
            remedy=f"It has: {', '.join(column.name for column in columns)}. Correct `tables` of the tenant system.",
        )
    return found


def _in_order(server: PostgresServer, tables: tuple[Table, ...]) -> tuple[Table, ...]:
    """Parents first; what may be checked at the end of the transaction does not count.

    Raises:
        Refused: the rest point at each other in a circle.
    """
    inside = {table.ident for table in tables}
    keys = [row for row in server.rows(REFERENCES, idents=sorted(inside)) if {row["child"], row["parent"]} <= inside]
    binding = {(row["child"], row["parent"]) for row in keys if not row["deferrable"] and row["child"] != row["parent"]}
    ordered: list[Table] = []
    waiting = list(tables)
    while waiting:
        done = {table.ident for table in ordered}
        ready = [t for t in waiting if all(parent in done for child, parent in binding if child == t.ident)]
        if not ready:
            circle = ", ".join(table.ident for table in waiting)
            raise Refused(
                f"These tables on {server.address} point at each other in a circle: {circle}. None can come first.",
                remedy="Make one of their foreign keys DEFERRABLE: ALTER TABLE … ALTER CONSTRAINT … DEFERRABLE;",
            )
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return tuple(ordered)
