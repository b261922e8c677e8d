"""How index work is done: commands that hold nobody up, each looked at before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.model import CannotLook, Command, Outcome, Plan, Refused, Row
from tasks.postgres.indexes.queries import INDEX_STATE, WRITABLE
from tasks.postgres.long_acts import act_on_table
from tasks.postgres.system import PostgresServer

# Why a command is not carried out now, or nothing: asked at the act, because much may have happened since the plan.
Guard = Callable[[Command], str]


def index_state(postgres: PostgresServer, schema: str, name: str) -> Row | None:
    """What stands under this name; None when there is no such index."""
    # Not as the acting role: it need not see that somebody else builds this index just now.
    rows = postgres.rows(INDEX_STATE, schema=schema, name=name)
    return rows[0] if rows else None


def concurrently(definition: str) -> str:
    """The server's own definition of an index, as a build that locks nobody out."""
    unique = "CREATE UNIQUE INDEX " if definition.startswith("CREATE UNIQUE INDEX ") else "CREATE INDEX "
    return f"{unique}CONCURRENTLY {definition.removeprefix(unique)};"


def names(plan: Plan, verb: str) -> list[tuple[str, str]]:
    """Schema and index of the commands that drop (or create)."""
    return [_name(command) for command in plan.commands if command.target["verb"] == verb]


def drop(state: Row) -> Command:
    """The command that drops the index which a row of index_state.sql or index_facts.sql describes."""
    target = {key: state[key] for key in ("schema", "table", "name", "definition")}
    return Command(line=str(state["drop_line"]), target={**target, "verb": "drop"})


def never(_: Command) -> str:
    """The guard of commands that need none."""
    return ""


def carry_out(postgres: PostgresServer, plan: Plan, guard: Guard = never) -> Outcome:
    """Build and drop what the plan names, in its order; each command only if it is not done yet and unguarded."""
    rows = [_carried_out(postgres, command, guard) for command in plan.commands]
    said = ", ".join(f"{row['index']} {row['fate']}" for row in rows)
    return Outcome(
        says=f"{said}." if said else "The plan names no index.",
        complete=settled(postgres, plan),
        rows=rows,
        not_done=[c.target for c, row in zip(plan.commands, rows, strict=True) if not row["ours"]],
    )


def settled(postgres: PostgresServer, plan: Plan) -> bool:
    """Do all indexes that the plan creates stand, and are those gone that it only drops?"""
    created = set(names(plan, "create"))
    decisive = [c for c in plan.commands if c.target["verb"] == "create" or _name(c) not in created]
    return all(_done(postgres, command) for command in decisive)


def refuse_not_owned(postgres: PostgresServer, there: Sequence[Row]) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the acting role is not a member of an owner, or has no session of its own.
    """
    if there:
        postgres.refuse_pooled_actor()
    for row in there:
        [rights] = postgres.rows_as_actor(INDEX_STATE, schema=row["schema"], name=row["name"]) or [{"may_drop": True}]
        if not rights["may_drop"]:
            raise Refused(
                f"Only the owner of {row['table']} may drop {row['ident']} on {postgres.address}.",
                remedy=str(rights["grant_owner"]),
            )


def refuse_read_only(postgres: PostgresServer) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the server is a standby, or in read-only mode for the acting role.
    """
    state = postgres.rows_as_actor(WRITABLE)[0]
    if state["standby"]:
        raise Refused(f"{postgres.address} is a standby: indexes are made on the primary.", remedy="Ask the primary.")
    if state["read_only"]:
        raise Refused(
            f"{postgres.address} is in read-only mode for {state['user']}.",
            remedy="Find out who set it: a provider does when the disk is full. Then, whichever was set:\n"
            f"{state['for_database']}\n{state['for_role']}",
        )


def left_over(state: Row | None) -> bool:
    """Is this an index that was never finished, and that nobody builds now?"""
    return bool(state and not state["valid"] and not state["being_built"])


def _carried_out(postgres: PostgresServer, command: Command, guard: Guard) -> Row:
    schema, name = _name(command)
    index = f"{schema}.{name}"
    creates = command.target["verb"] == "create"
    if _done(postgres, command):
        # Somebody else's work, which is not ours to take back.
        return {"index": index, "fate": "was there already" if creates else "was gone already", "ours": False}
    if why := guard(command):
        return {"index": index, "fate": f"left alone: {why}", "ours": False}
    try:
        act_on_table(postgres, command.line, schema, str(command.target["table"]))
    except CannotLook as error:
        if not left_over(index_state(postgres, schema, name)):
            raise
        if creates:
            _drop_left_over(postgres, command)
            raise
        # Half dropped is not undone by asking again: the next look finds it among the invalid ones.
        half = f"half dropped: it is invalid now and still has to be dropped ({error.says})"
        return {"index": index, "fate": half, "ours": True}
    return {"index": index, "fate": "built" if creates else "dropped", "ours": True}


def _drop_left_over(postgres: PostgresServer, command: Command) -> None:
    """A build that failed leaves an index which every write pays for and no query may use."""
    state = index_state(postgres, *_name(command))
    if state is not None:
        act_on_table(postgres, str(state["drop_line"]), str(state["schema"]), str(state["table"]))


def _done(postgres: PostgresServer, command: Command) -> bool:
    state = index_state(postgres, *_name(command))
    if command.target["verb"] == "create":
        return bool(state and state["valid"])
    return state is None


def _name(command: Command) -> tuple[str, str]:
    return str(command.target["schema"]), str(command.target["name"])
