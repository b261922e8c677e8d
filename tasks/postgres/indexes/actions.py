"""Ways to change indexes without holding anybody up: build one, drop one; each is the other's way back."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.indexes.missing import Candidate, missing_indexes
from tasks.postgres.indexes.work import (
    carry_out,
    concurrently,
    drop,
    index_state,
    left_over,
    names,
    refuse_not_owned,
    refuse_read_only,
    settled,
)
from tasks.postgres.statements.checks import STATEMENT_TIME
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
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
        if candidates:
            refuse_read_only(postgres)
            postgres.refuse_pooled_actor()
        _refuse_not_owned(postgres, candidates)
        taken = [one for one in candidates if one.place["name_taken"] and not _left_over(postgres, one)]
        chosen = [one for one in candidates if one not in taken]
        commands = tuple(command for one in chosen for command in _build(postgres, one))
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
        return carry_out(postgres, plan, lambda command: _finished_since(postgres, command))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Drop the new index again, CONCURRENTLY."""
        return DropIndex(names(plan, "create"))


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
            commands=tuple(drop(state) for state in there.values()),
            blast_radius=BlastRadius(touched=len(there), total=len(self.names), noun="indexes"),
            risk=Risk.MODERATE,
            loses="Statements that used the index read the table from end to end until it is built again.",
            evidence=list(there.values()),
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return carry_out(postgres, plan)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Build the index again from its definition, CONCURRENTLY."""
        return RebuildIndex([dict(command.target) for command in plan.commands])


class RebuildIndex(Action):
    """Build a dropped index again.

    CONCURRENTLY, from the definition it had. One that was dropped only half, and is invalid since, is dropped first.
    """

    def __init__(self, dropped: Sequence[Row]) -> None:
        """`dropped` are the targets of the plan that dropped them."""
        self.dropped = tuple(dropped)

    def plan(self, postgres: PostgresServer) -> Plan:
        states = [(one, index_state(postgres, str(one["schema"]), str(one["name"]))) for one in self.dropped]
        gone = [(one, state) for one, state in states if state is None or left_over(state)]
        told = [f"Build the index {one['schema']}.{one['name']} again." for one, _ in gone]
        return Plan(
            does=" ".join(told) or "Nothing to build: the index is there.",
            commands=tuple(command for one, state in gone for command in _rebuild(one, state)),
            blast_radius=BlastRadius(touched=len(gone), total=len(self.dropped), noun="indexes"),
            risk=Risk.MODERATE,
            loses=SLOWER_WRITES,
            evidence=[one for one, _ in gone],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return carry_out(postgres, plan, lambda command: _finished_since(postgres, command))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Drop the index again, CONCURRENTLY."""
        return DropIndex(names(plan, "create"))


def _rebuild(dropped: Row, state: Row | None) -> list[Command]:
    create = Command(line=concurrently(str(dropped["definition"])), target={**dropped, "verb": "create"})
    return [drop(state), create] if state else [create]


def _left_over(postgres: PostgresServer, one: Candidate) -> Row | None:
    """What bears the name, if it is an index of this table that was never finished."""
    state = index_state(postgres, one.schema, one.name)
    return state if state and state["table"] == one.table and left_over(state) else None


def _finished_since(postgres: PostgresServer, command: Command) -> str:
    """A left-over that is dropped before the build must be one still."""
    if command.target["verb"] == "create":
        return ""
    state = index_state(postgres, str(command.target["schema"]), str(command.target["name"]))
    return "" if left_over(state) else "it is valid now, or somebody builds it"


def _build(postgres: PostgresServer, one: Candidate) -> list[Command]:
    target = {"schema": one.schema, "table": one.table, "column": one.column, "name": one.name, "verb": "create"}
    create = Command(line=one.definition, target=target)
    broken = _left_over(postgres, one)
    return [drop(broken), create] if broken else [create]


def _does(one: Candidate) -> str:
    known = one.place["index_bytes"]
    size = "of unknown size" if known is None else f"about {number(known) / 2**20:,.0f} MiB"
    gain = ""
    if one.imagined:
        costs = f"{one.plan.cost:,.0f} to {one.imagined.plan.cost:,.0f}"
        gain = f"; with it the planner's cost of the statement falls from {costs} (imagined by hypopg)"
    rest = "; the invalid left-over of an earlier build is dropped first" if one.place["name_taken"] else ""
    return (
        f"Create an index on {one.column} of {one.schema}.{one.table}, {size}, "
        f"over {number(one.place['rows']):,.0f} rows{gain}{rest}."
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
        if state["partitioned"]:
            raise Refused(f"{schema}.{name} belongs to a partitioned table; it cannot be dropped by itself.")
    refuse_not_owned(postgres, list(there.values()))
