"""Where events that were taken out are kept, so that they can be brought back: a table of the same shape."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.rows.queries import PLACE, THERE
from tasks.application.system import ApplicationDatabase
from tasks.model import Refused, Row
from tasks.postgres.session import Session
from tasks.postgres.values import number

SUFFIX = "_repeated"
# Postgres cuts a longer name off.
LONGEST_NAME = 63
ROWS_A_STATEMENT = 500


@dataclass(frozen=True, kw_only=True)
class Aside:
    """The table of events and the one beside it, by their quoted names; `there`: it exists."""

    relation: str
    aside: str
    estimated: int
    there: bool
    columns: dict[str, str]

    def filled(self, application: ApplicationDatabase, query: str) -> str:
        """`query` with the names of both."""
        names = {"aside": self.aside, "from": self.aside, **self.columns}
        # Ours are put in last: a column's name may hold braces of its own.
        for name in names:
            query = query.replace(f"{{{name}}}", f"\0{name}\0")
        query = application.filled(query)
        for name, value in names.items():
            query = query.replace(f"\0{name}\0", value.replace("%", "%%"))
        return query


def aside_of(session: Session, application: ApplicationDatabase) -> Aside:
    """As the role of `session` finds it.

    Raises:
        Refused: it may not move rows there, or the table beside has another shape. CannotLook: no answer.
    """
    schema, table, _ = application.column("events.id")
    archive = application.archive_schema
    cut = table.encode()[: LONGEST_NAME - len(SUFFIX)].decode(errors="ignore")
    found = session.run(PLACE, schema=schema, table=table, archive=archive, aside=cut + SUFFIX)
    row = found[0] if found else None
    if row is None or not row["plain"]:
        raise Refused(f"{schema}.{table} is no plain table: a view or a rule may do something else than is written.")
    where = str(row["aside"])
    if not row["may_move"]:
        raise Refused(f"{row['user']} may not take rows out of {schema}.{table}.", remedy=str(row["grant_move"]))
    if row["filtered"]:
        raise Refused(f"Row security hides rows of {schema}.{table} from {row['user']}.")
    if not row["may_keep"]:
        raise Refused(
            f"What is taken out is kept in {where}, and {row['user']} may make no table there.",
            remedy=str(row["grant_keep"]),
        )
    if not row["same_shape"]:
        raise Refused(
            f"{where} has other columns than {schema}.{table}.",
            remedy=f"Bring it to the same shape, or rename it: ALTER TABLE {where} …;",
        )
    return Aside(
        relation=str(row["relation"]),
        aside=where,
        estimated=int(number(row["estimated"])),
        there=bool(row["there"]),
        columns={"all": str(row["all_columns"]), "given": str(row["given_columns"])},
    )


def present(
    session: Session, application: ApplicationDatabase, keys: Sequence[str], beside: Aside | None = None
) -> set[str]:
    """Which of these events are in their table, or in the one `beside` it.

    Raises:
        CannotLook, Refused: no answer.
    """
    if beside is not None and not beside.there:
        return set()
    query = beside.filled(application, THERE) if beside else application.filled(THERE.replace("{from}", "{events}"))
    found: set[str] = set()
    for few in slices(keys):
        found |= {str(row["key"]) for row in session.run(query, rows=as_rows(application, few))}
    return found


def as_rows(application: ApplicationDatabase, keys: Sequence[str]) -> str:
    """Keys of events as a statement reads them."""
    column = application.column("events.id")[2]
    return json.dumps([{column: key} for key in keys])


def as_event(application: ApplicationDatabase, fields: Row) -> Row:
    """By the names of their columns."""
    return {application.column(f"events.{name}")[2]: value for name, value in fields.items()}


def slices(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[n : n + ROWS_A_STATEMENT] for n in range(0, len(keys), ROWS_A_STATEMENT)]
