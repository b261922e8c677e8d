"""Execution plans: what the server would do for a statement, found out without running it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tasks.model import CannotLook, Json
from tasks.postgres.statements import masked
from tasks.postgres.system import PostgresServer

# EXPLAIN (GENERIC_PLAN): a plan for a statement whose values are not known.
GENERIC_PLAN_SINCE = 160_000

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
    """A plan as people read it, and where it reads whole tables."""

    outline: str
    whole_reads: tuple[WholeRead, ...]


def explain(postgres: PostgresServer, statement: str) -> Explained | str:
    """The plan of a statement, or the reason why there is none. Nothing is executed.

    Asked as the acting role, because EXPLAIN wants the rights on the tables that an index needs as well.
    """
    try:
        rows = postgres.rows_as_actor(f"EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) {statement.replace('%', '%%')}")
    except CannotLook as error:
        return error.says
    root = next(iter(rows[0].values()))
    if not (isinstance(root, list | tuple) and root and isinstance(root[0], Mapping)):
        return "The server's plan has a shape that we do not know."
    plan = root[0].get("Plan")
    nodes = list(_nodes(plan, 0)) if isinstance(plan, Mapping) else []
    return Explained(
        outline="\n".join(_line(node, depth) for node, depth in nodes),
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
