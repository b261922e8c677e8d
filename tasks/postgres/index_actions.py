"""Ways to change indexes without holding anybody up: build one, drop one; each is the other's way back."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.model import BlastRadius, CannotLook, Command, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.missing_indexes import Candidate, missing_indexes
from tasks.postgres.queries import INDEX_STATE
from tasks.postgres.refusals import quoted
from tasks.postgres.slow_statements import STATEMENT_TIME
from tasks.postgres.statement_looks import number
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import count

SLOWER_WRITES = "Every write to the table also writes its index, and the index takes its size on disk."


class CreateMissingIndex(Action):
    """Create the index that a slow statement misses.

    CONCURRENTLY: reads and writes go on meanwhile; VACUUM and schema changes of that table wait. It takes minutes on
    large tables and waits for transactions that are older than itself. If it breaks off, its invalid left-over is
    dropped.
    """

    def plan(self, postgres: PostgresServer, mean: Threshold = STATEMENT_TIME) -> Plan:
        candidates, unclear = missing_indexes(postgres, mean)
        _refuse_not_owned(postgres, candidates)
        taken = [one for one in candidates if one.place["name_taken"] and not _left_over(postgres, one)]
        chosen = [one for one in candidates if one not in taken]
        commands = tuple(command for one in chosen for command in _build(one))
        tables = {(one.schema, one.table) for one in chosen}
        total = max((int(number(one.place["tables"])) for one in chosen), default=0)
        told = [_does(one) for one in chosen] or [_nothing(len(unclear))]
        told += [f"The name {one.name} is taken by something else: rename that first." for one in taken]
        return Plan(
            does=" ".join(told),
            commands=commands,
            blast_radius=BlastRadius(touched=len(tables), total=total, noun="tables"),
            risk=Risk.MODERATE,
            loses=SLOWER_WRITES,
            evidence=[*(one.evidence for one in candidates), *(one.evidence for one in unclear)],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return _settled(postgres, plan)

    def undo(self, plan: Plan) -> Action:
        """Drop the new index again, CONCURRENTLY."""
        return DropIndex(_names(plan, "create"))


class DropIndex(Action):
    """Drop an index.

    CONCURRENTLY: reads and writes go on meanwhile. Never one that enforces a key or another constraint.
    """

    def __init__(self, names: Sequence[tuple[str, str]]) -> None:
        """`names` are schema and index."""
        self.names = tuple(names)

    def plan(self, postgres: PostgresServer) -> Plan:
        there = {name: state for name in self.names if (state := index_state(postgres, *name))}
        _refuse_untouchable(postgres, there)
        told = [f"Drop the index {schema}.{name} of {s['table']}." for (schema, name), s in there.items()]
        return Plan(
            does=" ".join(told) or "Nothing to drop: no such index.",
            commands=tuple(_drop(*name, str(state["definition"])) for name, state in there.items()),
            blast_radius=BlastRadius(touched=len(there), total=len(self.names), noun="indexes"),
            risk=Risk.MODERATE,
            loses="Statements that used the index read the table from end to end until it is built again.",
            evidence=[{"schema": name[0], "index": name[1], **state} for name, state in there.items()],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return _settled(postgres, plan)

    def undo(self, plan: Plan) -> Action:
        """Build the index again from its definition, CONCURRENTLY."""
        return RebuildIndex([dict(command.target) for command in plan.commands])


class RebuildIndex(Action):
    """Build a dropped index again.

    CONCURRENTLY, from the definition it had.
    """

    def __init__(self, dropped: Sequence[Row]) -> None:
        """`dropped` are the targets of the plan that dropped them."""
        self.dropped = tuple(dropped)

    def plan(self, postgres: PostgresServer) -> Plan:
        gone = [one for one in self.dropped if not index_state(postgres, str(one["schema"]), str(one["name"]))]
        told = [f"Build the index {one['schema']}.{one['name']} again." for one in gone]
        return Plan(
            does=" ".join(told) or "Nothing to build: the index is there.",
            commands=tuple(
                Command(line=concurrently(str(one["definition"])), target={**one, "verb": "create"}) for one in gone
            ),
            blast_radius=BlastRadius(touched=len(gone), total=len(self.dropped), noun="indexes"),
            risk=Risk.MODERATE,
            loses=SLOWER_WRITES,
            evidence=gone,
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return _settled(postgres, plan)

    def undo(self, plan: Plan) -> Action:
        """Drop the index again, CONCURRENTLY."""
        return DropIndex(_names(plan, "create"))


def index_state(postgres: PostgresServer, schema: str, name: str) -> Row | None:
    """What the acting role finds under this name; None when there is no such index."""
    rows = postgres.rows_as_actor(INDEX_STATE, schema=schema, name=name)
    return rows[0] if rows else None


def concurrently(definition: str) -> str:
    """The server's own definition of an index, as a build that locks nobody out."""
    unique = "CREATE UNIQUE INDEX " if definition.startswith("CREATE UNIQUE INDEX ") else "CREATE INDEX "
    return f"{unique}CONCURRENTLY {definition.removeprefix(unique)};"


def _names(plan: Plan, verb: str) -> list[tuple[str, str]]:
    return [(str(c.target["schema"]), str(c.target["name"])) for c in plan.commands if c.target["verb"] == verb]


def _left_over(postgres: PostgresServer, one: Candidate) -> bool:
    """Is what bears the name an index of this table that was never finished?"""
    state = index_state(postgres, one.schema, one.name)
    return bool(state and state["table"] == one.table and not state["valid"] and not state["being_built"])


def _build(one: Candidate) -> list[Command]:
    target = {"schema": one.schema, "table": one.table, "column": one.column, "name": one.name}
    create = Command(line=one.definition, target={**target, "verb": "create"})
    taken = one.place["name_taken"]
    return [_drop(one.schema, one.name, str(one.place["definition"])), create] if taken else [create]


def _drop(schema: str, name: str, definition: str) -> Command:
    line = f"DROP INDEX CONCURRENTLY {quoted(schema)}.{quoted(name)};"
    return Command(line=line, target={"schema": schema, "name": name, "definition": definition, "verb": "drop"})


def _does(one: Candidate) -> str:
    size = number(one.place["index_bytes"]) / 2**20
    rest = "; the invalid left-over of an earlier build is dropped first" if one.place["name_taken"] else ""
    return (
        f"Create an index on {one.column} of {one.schema}.{one.table}, about {size:,.0f} MiB, "
        f"over {number(one.place['rows']):,.0f} rows{rest}."
    )


def _nothing(unclear: int) -> str:
    if not unclear:
        return "Nothing to create: no slow statement reads a large table whole for a few rows."
    return f"Nothing to create: of {count(unclear, 'statement')} it cannot be told which index is missing."


def _refuse_not_owned(postgres: PostgresServer, candidates: Sequence[Candidate]) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the acting role is not a member of a table's owner, or may not create in its schema.
    """
    closed = [one for one in candidates if not one.place["may_index"]]
    if closed:
        grants = dict.fromkeys(str(one.place["grant_owner"]) for one in closed)
        where = f"{closed[0].schema}.{closed[0].table}"
        raise Refused(
            f"Only the owner of {where} may index it; on {postgres.address} the acting role is no member of it.",
            remedy="\n".join(grants),
        )


def _refuse_untouchable(postgres: PostgresServer, there: dict[tuple[str, str], Row]) -> None:
    for (schema, name), state in there.items():
        if state["constrains"]:
            raise Refused(f"{schema}.{name} enforces a constraint of {state['table']}; it is not dropped.")
        if not state["may_drop"]:
            raise Refused(
                f"Only the owner of {state['table']} may drop {schema}.{name} on {postgres.address}.",
                remedy=str(state["grant_owner"]),
            )


def _run(postgres: PostgresServer, plan: Plan) -> Outcome:
    rows: list[Row] = []
    for command in plan.commands:
        if not _done(postgres, command):
            _at_length(postgres, command)
        name = f"{command.target['schema']}.{command.target['name']}"
        rows.append({"index": name, "fate": "built" if command.target["verb"] == "create" else "dropped"})
    said = ", ".join(f"{row['index']} {row['fate']}" for row in rows)
    return Outcome(
        says=f"{said}." if said else "The plan names no index.", complete=_settled(postgres, plan), rows=rows
    )


def _at_length(postgres: PostgresServer, command: Command) -> None:
    try:
        postgres.act_at_length(command.line)
    except CannotLook:
        if command.target["verb"] == "create":
            _drop_left_over(postgres, command.target)
        raise


def _drop_left_over(postgres: PostgresServer, target: Row) -> None:
    """A build that failed leaves an index which every write pays for and no query may use."""
    schema, name = str(target["schema"]), str(target["name"])
    state = index_state(postgres, schema, name)
    if state and not state["valid"] and not state["being_built"]:
        postgres.act_at_length(f"DROP INDEX CONCURRENTLY {quoted(schema)}.{quoted(name)}")


def _done(postgres: PostgresServer, command: Command) -> bool:
    state = index_state(postgres, str(command.target["schema"]), str(command.target["name"]))
    if command.target["verb"] == "create":
        return bool(state and state["valid"])
    return state is None


def _settled(postgres: PostgresServer, plan: Plan) -> bool:
    """Do all indexes that the plan creates stand, and are those gone that it only drops?"""
    created = set(_names(plan, "create"))
    decisive = [c for c in plan.commands if c.target["verb"] == "create" or _name(c) not in created]
    return all(_done(postgres, command) for command in decisive)


def _name(command: Command) -> tuple[str, str]:
    return str(command.target["schema"]), str(command.target["name"])
