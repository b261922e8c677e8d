"""What one table looks like in either store, and the SQL that both understand alike.

Every name in that SQL was quoted by the server it is meant for; the texts of values come from columns.sql.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rapidfuzz import process

from tasks.mirror.queries import COLUMNS, TABLE
from tasks.mirror.stores import Both, Settling, Side, Store, Table
from tasks.model import Refused, Row
from tasks.postgres.session import Session
from tasks.postgres.words import count

# Of a longer value no more than these characters are fetched to be looked at.
BEGINNING = 2_000

# A key, each part in its canonical text; None where the column is NULL.
Key = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column in one store. `canonical`, `type` and `equals`, an operator, are SQL, quoted by that server."""

    name: str
    quoted: str
    family: str
    canonical: str
    type: str
    equals: str
    generated: bool
    always: bool


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One table in one store: its compared columns in the order of their names, the key's in the order configured."""

    store: str
    relation: str
    key: tuple[Column, ...]
    compared: tuple[Column, ...]
    # What is not compared: ignored, or in this store only.
    others: tuple[Column, ...]
    settling: Column | None
    settling_s: float
    key_is_unique: bool
    make_unique: str

    @property
    def columns(self) -> tuple[Column, ...]:
        """What makes up a row: in the same order in both stores."""
        return (*self.key, *self.compared)

    @property
    def assigned(self) -> list[str]:
        """The names of the columns that an UPDATE of ours writes."""
        return [column.name for column in self.compared if not (column.generated or column.always)]

    @property
    def key_sql(self) -> str:
        """A row's key, over the alias t; every % is doubled."""
        return _texts(self.key).replace("%", "%%")

    def sql(self, query: str, **given: str) -> str:
        """`query` with its {names} filled; those `given` are SQL already, every % doubled."""
        order = {column.name: n for n, column in enumerate(self.columns)}
        # What the store computes itself cannot be written, only compared afterwards.
        written = {column.quoted: _value(column, order) for column in self.columns if not column.generated}
        changed = {column.quoted for column in self.compared if not column.always}
        set_to = {name: value for name, value in written.items() if name in changed}
        every = [column.quoted for column in (*self.columns, *self.others) if not column.generated]
        parts = {
            "relation": self.relation,
            "key": _texts(self.key),
            "bucket": f"('x' || left(encode({_sha(self.key)}, 'hex'), 6))::bit(24)::int",
            "hash": f"left(encode({_sha(self.columns)}, 'hex'), 32)",
            "young": self._young,
            "match": " AND ".join(_matches(column, n) for n, column in enumerate(self.key)),
            "plain": _array(f"t.{column.quoted}::text" for column in self.columns),
            "beginnings": _array(f"left({column.canonical}, {BEGINNING})" for column in self.columns),
            "whole": _array(f"left({column.canonical}, {BEGINNING})" for column in (*self.columns, *self.others)),
            "marks": _array(f"encode({_sha([column])}, 'hex')" for column in self.columns),
            "columns": ", ".join(written),
            "values": ", ".join(written.values()),
            "every": ", ".join(every),
            "updated": ", ".join(
                written[name] if name in written and name in changed else f"t.{name}" for name in every
            ),
            "assignments": ", ".join(f"{name} = {value}" for name, value in set_to.items()),
        }
        # A % in a name is meant; psycopg would take it for a parameter.
        return query.format(**{name: part.replace("%", "%%") for name, part in parts.items()}, **given)

    @property
    def _young(self) -> str:
        if self.settling is None:
            return "false"
        age = f"extract(epoch FROM clock_timestamp() - t.{self.settling.quoted}::timestamptz)"
        return f"coalesce({age} < {self.settling_s}, false)"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One table in both stores."""

    table: Table
    left: Shape
    right: Shape
    # Columns that only one store has, as 'store.column'.
    alone: tuple[str, ...]

    def shape(self, side: Side) -> Shape:
        return self.left if side is Side.LEFT else self.right

    def both(self, query: str) -> tuple[str, str]:
        return self.left.sql(query), self.right.sql(query)

    @property
    def says(self) -> str:
        columns = count(len(self.left.key) + len(self.left.compared), "column")
        return f"{self.table.title} can be compared between {self.left.store} and {self.right.store}: {columns}."


def _texts(columns: Iterable[Column]) -> str:
    return _array(column.canonical for column in columns)


def _array(texts: Iterable[str]) -> str:
    return f"ARRAY[{', '.join(texts)}]::text[]"


def _sha(columns: Iterable[Column]) -> str:
    # The text of an array tells NULL from '' and one column's end from the next one's beginning. In UTF-8 whatever the
    # server's own encoding. Not md5: servers in FIPS mode refuse it.
    return f"sha256(convert_to({_texts(columns)}::text, 'UTF8'))"


def _matches(column: Column, n: int) -> str:
    return f"t.{column.quoted} {column.equals} (wanted.key ->> {n})::{column.type}"


def _value(column: Column, order: Mapping[str, int]) -> str:
    return f"(wanted.values ->> {order[column.name]})::{column.type}"


def keys_json(keys: Iterable[Key]) -> str:
    """Keys as a parameter."""
    return json.dumps([list(key) for key in keys])


def key_of(row: Row) -> Key:
    """The key of a row that was asked for."""
    return tuple(cast(list[str | None], row["key"]))


def pair_of(both: Both, table: Table) -> Pair:
    """The table as both stores have it.

    Raises:
        Refused: it is missing or closed in one, or its columns do not fit; the remedy is the line to type.
        CannotLook: no answer.
    """
    one, other = both.stores
    left, right = _columns(one, both.left, table), _columns(other, both.right, table)
    _refuse_unknown(both, table, left, right)
    names = [name for name in table.columns or left if name in left and name in right and name not in table.ignore]
    _refuse_unlike(both, table, [*table.key, *names], left, right)
    alone = [f"{one.name}.{name}" for name in left if name not in right and name not in table.ignore]
    alone += [f"{other.name}.{name}" for name in right if name not in left and name not in table.ignore]
    return Pair(
        table=table,
        left=_shape(one, both.left, table, left, names),
        right=_shape(other, both.right, table, right, names),
        alone=tuple(alone) if not table.columns else (),
    )


def _columns(store: Store, session: Session, table: Table) -> dict[str, Column]:
    found = session.run(COLUMNS, schema=table.schema_name, table=table.name)
    if not found:
        raise Refused(
            f"{store.name} has no table {table.schema_name}.{table.name}.",
            remedy="Create it there, or correct the mirror's `tables`.",
        )
    return {
        str(row["name"]): Column(
            name=str(row["name"]),
            quoted=str(row["quoted"]),
            family=str(row["family"]),
            canonical=str(row["canonical"]),
            type=str(row["type"]),
            equals=str(row["equals"]),
            generated=bool(row["generated"]),
            always=bool(row["always"]),
        )
        for row in found
    }


def _shape(store: Store, session: Session, table: Table, columns: dict[str, Column], names: Sequence[str]) -> Shape:
    row = session.run(TABLE, schema=table.schema_name, table=table.name, key=list(table.key))[0]
    if not row["may_read"]:
        raise Refused(f"{row['user']} may not read {table.title} in {store.name}.", remedy=str(row["grant_read"]))
    if row["filtered"]:
        raise Refused(
            f"Row security hides rows of {table.title} in {store.name} from {row['user']}: they would look missing.",
            remedy=str(row["grant_sight"]),
        )
    settling: Settling | None = table.settling
    return Shape(
        store=store.name,
        relation=str(row["relation"]),
        key=tuple(columns[name] for name in table.key),
        compared=tuple(columns[name] for name in sorted(set(names) - set(table.key))),
        others=tuple(columns[name] for name in sorted(columns.keys() - set(names) - set(table.key))),
        settling=columns[settling.column] if settling else None,
        settling_s=settling.seconds if settling else 0.0,
        key_is_unique=bool(row["key_is_unique"]),
        make_unique=str(row["make_unique"]),
    )


def _refuse_unknown(both: Both, table: Table, left: dict[str, Column], right: dict[str, Column]) -> None:
    settling = [table.settling.column] if table.settling else []
    for store, there in zip(both.stores, (left, right), strict=True):
        for name in [*table.key, *table.columns, *settling]:
            if name not in there:
                raise Refused(
                    f"{table.title} in {store.name} has no column {name!r}.{_nearest(name, there)}",
                    remedy="Correct the mirror's `tables`.",
                )
    for name in [*table.ignore, *table.hidden]:
        if name not in left and name not in right:
            raise Refused(
                f"{table.title} has no column {name!r} in either store.{_nearest(name, [*left, *right])}",
                remedy="Correct `ignore` or `hidden` in the mirror's `tables`.",
            )


def _refuse_unlike(
    both: Both, table: Table, names: Iterable[str], left: dict[str, Column], right: dict[str, Column]
) -> None:
    one, other = both.stores
    for name in names:
        if left[name].family != right[name].family:
            kinds = f"{left[name].type} in {one.name} and {right[name].type} in {other.name}"
            raise Refused(
                f"{table.title}.{name} is {kinds}: what equal would mean is anybody's guess.",
                remedy=f"Give both one type, or add {name!r} to `ignore` of {table.title}.",
            )


def _nearest(name: str, there: Iterable[str]) -> str:
    near = process.extractOne(name, list(there), score_cutoff=60)
    return f" Did you mean {near[0]!r}?" if near else ""
