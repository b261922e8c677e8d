"""Execution plans: what the server would do for a statement, found out without running it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tasks.model import CannotLook, Json, Refused, Row
from tasks.postgres.indexes.queries import HYPOPG, PARAMETERS, PLAN_SETTINGS, PLANNED_CODE
from tasks.postgres.masking import masked
from tasks.postgres.refusals import quoted
from tasks.postgres.session import PIN, Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number

# One side of a predicate, as EXPLAIN VERBOSE prints it: s.lead_id, "S"."Lead", (s.name)::text.
_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_COLUMN = rf"\(?(?:{_NAME}\.)?(?P<column>{_NAME})\)?(?:::(?:text|bpchar))?"
# Only equality: an index on it is always used from its first column on.
_EQUALS = re.compile(rf"^{_COLUMN} = (?:ANY \()?(?P<value>.+)$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class WholeRead:
    """A table that a plan reads from end to end, and the columns whose value it looks for."""

    schema: str
    table: str
    rows: float
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Explained:
    """A plan as people read it, what the planner thinks it costs (in its own unit), and where it reads whole tables."""

    outline: str
    cost: float
    whole_reads: tuple[WholeRead, ...]


@dataclass(frozen=True, kw_only=True)
class Imagined:
    """The plan there would be with an index that is only imagined, and how large hypopg thinks that index is."""

    plan: Explained
    index_bytes: float


def explain(postgres: PostgresServer, statement: str) -> Explained | str:
    """The plan of a statement whose values are not known, or the reason why there is none. Nothing is executed.

    Asked as the acting role, because EXPLAIN wants the rights on the tables that an index needs as well. Somebody who
    may write functions could have them computed by the planner, as that role: such statements are left alone.
    """
    try:
        with postgres.asked_as_actor() as session:
            return _explain(session, statement)
    except CannotLook as error:
        return error.says


def imagine(postgres: PostgresServer, statement: str, definition: str) -> Imagined | None:
    """The plan as it would be with the index of `definition`. None: the server has no hypopg that we may use.

    The index exists in the memory of one session of ours, and for no other; nothing is written.
    """
    try:
        with postgres.asked_as_actor() as session:
            there = session.run(HYPOPG)
            if not there:
                return None
            schema = str(there[0]["schema"]).replace("%", "%%")
            with _undone(session, f"SELECT {schema}.hypopg_reset()"):
                [made] = session.run(
                    f"SELECT i.indexrelid, {schema}.hypopg_relation_size(i.indexrelid)::float8 AS bytes"  # noqa: S608 - the server quoted it
                    f" FROM {schema}.hypopg_create_index(%(definition)s::text) i",
                    definition=definition,
                )
                plan = _explain(session, statement)
    except CannotLook:
        return None
    return Imagined(plan=plan, index_bytes=number(made["bytes"]))


def _explain(session: Session, statement: str) -> Explained:
    """By a prepared statement, which Postgres 13 plans without values as 18 does.

    Raises:
        CannotLook, Refused: the server does not explain it.
    """
    name = f"incident_{secrets.token_hex(4)}"
    for row in session.run(PLANNED_CODE, statement=statement):
        raise Refused(f"Planning it might run {row['function']} with our rights, and a superuser does not own that.")
    # Its names are looked up where our role would; the server's own come first, whatever was put before them.
    schemas = [quoted(schema) for schema in session.own_schemas() if schema != "pg_catalog"]
    theirs = f"SET LOCAL search_path = {', '.join(['pg_catalog', *schemas, 'pg_temp'])}".replace("%", "%%")
    session.run(PLAN_SETTINGS)
    with _undone(session, f"DEALLOCATE {name}"):
        session.run(theirs)
        session.run(f"PREPARE {name} AS {statement.replace('%', '%%')}")
        session.run(PIN)
        values = int(number(session.run(PARAMETERS, name=name)[0]["parameters"]))
        given = f" ({', '.join(['NULL'] * values)})" if values else ""
        session.run(theirs)
        rows = session.run(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {name}{given}")
    return _read(rows)


@contextmanager
def _undone(session: Session, statement: str) -> Iterator[None]:
    """Undo at the end, also if it fails, what outlives a transaction: behind a pooler others get the session."""
    session.run("SAVEPOINT as_before")
    try:
        yield
    finally:
        with suppress(CannotLook):  # there may be nothing to undo, or no connection
            session.run("ROLLBACK TO as_before")
            session.run(statement)


def _read(rows: list[Row]) -> Explained:
    root = next(iter(rows[0].values()))
    plan = root[0].get("Plan") if isinstance(root, list | tuple) and root and isinstance(root[0], Mapping) else None
    if not isinstance(plan, Mapping):
        raise CannotLook("The server's plan has a shape that we do not know.")
    nodes = list(_nodes(plan, 0))
    return Explained(
        outline="\n".join(_line(node, depth) for node, depth in nodes),
        cost=number(plan.get("Total Cost")),
        whole_reads=tuple(_whole_read(node) for node, _ in nodes if node.get("Node Type") == "Seq Scan"),
    )


def _nodes(node: Mapping[str, Json], depth: int) -> Iterator[tuple[Mapping[str, Json], int]]:
    yield node, depth
    children = node.get("Plans")
    for child in children if isinstance(children, list | tuple) else ():
        if isinstance(child, Mapping):
            yield from _nodes(child, depth + 1)


def _line(node: Mapping[str, Json], depth: int) -> str:
    where = f" on {node['Relation Name']}" if "Relation Name" in node else ""
    by = f" by {node['Index Name']}" if "Index Name" in node else ""
    terms = [f"{key}: {masked(str(node[key]))}" for key in ("Index Cond", "Filter", "Join Filter") if key in node]
    told = f" ({'; '.join(terms)})" if terms else ""
    rows = node.get("Plan Rows")
    return f"{'  ' * depth}{node.get('Node Type')}{where}{by}{told}, {rows} rows expected"


def _whole_read(node: Mapping[str, Json]) -> WholeRead:
    rows = node.get("Plan Rows")
    return WholeRead(
        schema=str(node.get("Schema")),
        table=str(node.get("Relation Name")),
        rows=float(rows) if isinstance(rows, int | float) else 0.0,
        columns=tuple(looked_for(str(node.get("Filter", "")))),
    )


def looked_for(condition: str) -> list[str]:
    """The columns that `condition` compares with a value by `=`, all of which must hold.

    Comparisons within OR, NOT and expressions are left out: a plain index would not serve them.
    """
    found = []
    for term in _terms(condition):
        match = _EQUALS.match(term)
        if match and not match["value"].startswith("ALL"):
            found.append(_plain(match["column"]))
    return found


def _terms(condition: str) -> list[str]:
    """What must all hold: the parts of `(a AND b)`, each without its outer parentheses. Nothing of `(a OR b)`."""
    inner = _unwrapped(condition)
    parts, depth, begun, at = [], 0, 0, 0
    for token in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]| AND | OR ", inner):
        at = token.start()
        match token.group():
            case "(":
                depth += 1
            case ")":
                depth -= 1
            case " AND " if depth == 0:
                parts.append(inner[begun:at])
                begun = token.end()
            case " OR " if depth == 0:
                return []
            case _:
                continue
    if not parts:
        return [inner]
    return [term for part in [*parts, inner[begun:]] for term in _terms(part)]


def _unwrapped(term: str) -> str:
    """`(…)` without its parentheses, if the first one belongs to the last."""
    depth = 0
    for token in re.finditer(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]", term):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            whole = token.group() == ")" and token.end() == len(term) and term.startswith("(")
            return term[1:-1] if whole else term
    return term


def _plain(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
