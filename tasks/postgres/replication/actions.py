"""The way to stop keeping write-ahead log for a replica that is gone: drop its slot."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.amounts import size
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.replication.checks import SLOT_WAL, endangered, gone, remedy
from tasks.postgres.replication.queries import DROP_SLOT, SLOTS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import count, span

MARKS = ("restart_lsn", "confirmed_flush_lsn")


class DropAbandonedSlot(Action):
    """Drop the replication slots that nobody uses and the server keeps its log for.

    Only slots that are not in use and have not moved since the plan; never one in use, a temporary one, one that the
    server itself copies from its primary, or one that max_slot_wal_keep_size bounds and that can still be saved: the
    plan says how. The log they kept is removed at the next checkpoint.
    """

    undo = NoWayBack(
        loses="The place from which the replica or subscriber would go on: it must be copied anew, which takes hours "
        "for a large database."
    )

    def plan(self, postgres: PostgresServer, held: Threshold = SLOT_WAL) -> Plan:
        slots = postgres.rows_as_actor(SLOTS)
        sick = [row for row in slots if endangered(row) or held.judge(number(row["held_bytes"]))]
        chosen = [row for row in sick if not _left_alone(row)]
        commands = tuple(_command(row) for row in chosen)
        _refuse_out_of_reach(postgres, commands)
        told = [_does(row) for row in chosen] or ["Nothing to drop."]
        return Plan(
            does=" ".join([*told, *(_left_alone(row) for row in sick if row not in chosen)]),
            commands=commands,
            blast_radius=BlastRadius(touched=len(chosen), total=len(slots), noun="replication slots"),
            risk=Risk.HIGH,
            loses=self.way_back,
            evidence=sick,
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        rows = [{**c.target, "fate": postgres.act(DROP_SLOT, **_params(c, "drop"))[0]["fate"]} for c in plan.commands]
        told = ", ".join(f"{row['slot']} {row['fate']}" for row in rows)
        return Outcome(
            says=f"{count(len(rows), 'slot')}: {told}." if rows else "The plan names no slot.",
            complete=all(row["fate"] in ("dropped", "already gone") for row in rows),
            rows=rows,
        )

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(_fate(postgres, command) == "already gone" for command in plan.commands)


def _left_alone(row: Row) -> str:
    """Why this slot stays; empty when it may go."""
    if row["active"]:
        return f"The slot {row['slot']} is in use: its replica is slow, not gone. See check_replication_lag."
    if row["temporary"]:
        return f"The slot {row['slot']} is temporary: it goes with the session that made it."
    if row["synced"]:
        return f"The slot {row['slot']} is a copy of the primary's: drop it there."
    if row["safe_bytes"] is not None and not gone(row):
        # With a limit the disk does not fill: to drop it helps nobody, and it may still be saved.
        return f"The slot {row['slot']} can still be saved. {remedy(row)}"
    return ""


def _command(row: Row) -> Command:
    # The marks tell whether somebody used it since the plan: a slot that nobody uses does not move.
    target = {"slot": row["slot"], **{mark: row[mark] for mark in MARKS}}
    guard = "".join(f"\n   AND {mark} {_is(row[mark])}" for mark in MARKS)
    # Shown, never run: what runs is DROP_SLOT with the target as parameters. A slot's name is a-z, 0-9 and _ only.
    line = (
        "SELECT pg_drop_replication_slot(slot_name)\n  FROM pg_replication_slots\n"  # noqa: S608
        f" WHERE slot_name = '{row['slot']}' AND NOT active{guard};"
    )
    return Command(line=line, target=target)


def _is(mark: object) -> str:
    return "IS NULL" if mark is None else f"= '{mark}'"


def _refuse_out_of_reach(postgres: PostgresServer, commands: Sequence[Command]) -> None:
    """Nobody should approve what cannot be done.

    Raises:
        Refused: the acting role has not the attribute REPLICATION.
    """
    for command in commands:
        found = postgres.rows_as_actor(DROP_SLOT, **_params(command, "look"))[0]
        if found["fate"] == "no right":
            raise Refused(
                f"The acting role may not drop replication slots on {postgres.address}.",
                remedy=str(found["grant_replication"]),
            )


def _fate(postgres: PostgresServer, command: Command) -> str:
    return str(postgres.rows_as_actor(DROP_SLOT, **_params(command, "look"))[0]["fate"])


def _params(command: Command, verb: str) -> dict[str, object]:
    return {**command.target, "verb": verb}


def _does(row: Row) -> str:
    what = f"the logical slot {row['slot']} of {row['database']} ({row['plugin']})"
    if row["type"] == "physical":
        what = f"the physical slot {row['slot']}"
    unused = f", not used for {span(number(row['inactive_s']))}" if row["inactive_s"] is not None else ""
    return f"Drop {what}, for which {size(number(row['held_bytes']))} of log are kept{unused}."
