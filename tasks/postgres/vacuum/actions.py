"""Ways to look after tables: fresh statistics, dead rows made room again, and whoever holds those back ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tasks import deadline
from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres import signals
from tasks.postgres.locks.checks import LONG_TRANSACTION
from tasks.postgres.long_acts import act_on_table
from tasks.postgres.refusals import quoted
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.checks import ANALYZE_LAG, VACUUM_LAG
from tasks.postgres.vacuum.holders import LARGE_ROWS, Held, holding, named
from tasks.postgres.vacuum.queries import CARE_DONE, TABLE_CARE
from tasks.postgres.values import number
from tasks.postgres.words import count, limit, span

# Up to 14 a process of its own collects the statistics, and tells half a second later what happened.
HEARD_WITHIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class _Care:
    """One kind of care: its command, the column that says how far behind it is, and the one that says when it was."""

    verb: str
    lag: str
    last: str
    # Does it count rows that the server's counters have forgotten?
    counts: bool = False


ANALYZE = _Care(verb="ANALYZE", lag="analyze_lag", last="last_analyze", counts=True)
VACUUM = _Care(verb="VACUUM (ANALYZE)", lag="vacuum_lag", last="last_vacuum")


class AnalyzeTable(Action):
    """Analyze the tables whose statistics are out of date.

    Reads a sample of each table; reads and writes go on. Statements may be planned differently from then on, which is
    what it is for.
    """

    undo = NoWayBack(
        loses="Nothing but the old statistics: row counts and histograms that were wrong. Plans change with them."
    )
    narrows = True

    def plan(self, postgres: PostgresServer, changed: Threshold = ANALYZE_LAG) -> Plan:
        return _plan(postgres, ANALYZE, changed, self.undo.loses)

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan, ANALYZE)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(_done(postgres, command, ANALYZE) for command in plan.commands)


class VacuumTable(Action):
    """Vacuum the tables that are full of dead rows.

    Plain VACUUM, never FULL: reads and writes go on. The table does not shrink; its dead rows become room for new ones.
    """

    undo = NoWayBack(loses="Nothing: only rows that no transaction can see any more are removed. It costs disk reads.")
    narrows = True

    def plan(self, postgres: PostgresServer, dead: Threshold = VACUUM_LAG) -> Plan:
        return _plan(postgres, VACUUM, dead, self.undo.loses)

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan, VACUUM)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(_done(postgres, command, VACUUM) for command in plan.commands)


class EndVacuumHolders(Action):
    """End the sessions whose old transaction keeps VACUUM from removing dead rows.

    Only sessions of clients: backups, replication and our own are left alone, and superusers' sessions unless the user
    is named. Prepared transactions and slots have no session to end; the plan says what a person does.
    """

    undo = NoWayBack(
        loses="Each ended session's open transaction is rolled back and its client sees an error: a report begins anew."
    )

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, held: Threshold = LONG_TRANSACTION) -> Plan:
        found = [one for one in holding(postgres) if one.holder["held_s"] is None or held.judge(one.held_s)]
        left = [reason for one in found if (reason := self._left_alone(one.holder))]
        chosen = [one for one in found if not self._left_alone(one.holder)]
        commands = tuple(signals.command("pg_terminate_backend", one.holder) for one in chosen)
        signals.refuse_out_of_reach(postgres, commands)
        told = [_does(one) for one in chosen]
        if not told and not left:
            told = [f"Nothing to end: nothing has kept dead rows for {limit(held.warn)} or longer."]
        return Plan(
            does=" ".join([*(told or ["Nothing to end."]), *left]),
            commands=commands,
            blast_radius=signals.blast_radius(postgres, commands),
            risk=Risk.MODERATE,
            loses=self.way_back,
            evidence=[one.holder for one in found],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signals.signal(postgres, plan, "terminate", "ended")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not signals.remaining(postgres, plan.commands, "terminate")

    def _left_alone(self, holder: Row) -> str:
        """Why this holder is not touched, and what a person does instead; empty when it may be."""
        who = signals.sentence(named(holder))
        if holder["kind"] == "slot":
            return f"{who} has no session; if its replica is gone for good: {holder['by_hand']}"
        if holder["kind"] == "prepared transaction":
            return f"{who} has no session. {signals.decided_by_hand(holder)}"
        if holder["backend_type"] != "client backend":
            return f"{who} is {signals.one(str(holder['backend_type']))}: look there for the query that takes so long."
        if holder["application"] in ("pg_dump", "pg_dumpall"):
            return f"{who} is a backup: let it finish."
        return signals.left_alone(holder, self.superusers)


def _plan(postgres: PostgresServer, care: _Care, limit: Threshold, loses: str) -> Plan:
    tables = postgres.rows_as_actor(TABLE_CARE, at_least=LARGE_ROWS)
    wanting = [row for row in tables if limit.judge(number(row[care.lag])) or (care.counts and row["uncounted"])]
    behind = [row for row in wanting if not row["in_vacuum"]]
    # Who needs it most comes first: the window may end before the last.
    behind.sort(key=lambda row: -number(row[care.lag]))
    _refuse_not_ours(postgres, behind)
    if behind:
        postgres.refuse_pooled_actor()
    commands = tuple(_command(care, row) for row in behind)
    names = ", ".join(f"{row['schema']}.{row['table']}" for row in behind)
    size = sum(number(row["bytes"]) for row in behind) / 2**20
    return Plan(
        does=f"{care.verb} {names} ({size:,.0f} MiB)." if behind else f"Nothing to do: no table needs {care.verb} now.",
        commands=commands,
        blast_radius=BlastRadius(touched=len(behind), total=len(tables), noun="large tables"),
        risk=Risk.LOW,
        loses=loses,
        evidence=behind,
    )


def _refuse_not_ours(postgres: PostgresServer, behind: Sequence[Row]) -> None:
    """Without the right, ANALYZE and VACUUM warn, skip the table, and say that all went well.

    Raises:
        Refused: the acting role neither owns a table nor has pg_maintain.
    """
    closed = [row for row in behind if not row["may_maintain"]]
    if closed:
        raise Refused(
            f"{closed[0]['schema']}.{closed[0]['table']} on {postgres.address} may be analysed and vacuumed by its "
            "owner only.",
            remedy="\n".join(dict.fromkeys(str(row["grant_owner"]) for row in closed))
            + "\nOn 17 and later GRANT pg_maintain is enough.",
        )


def _command(care: _Care, row: Row) -> Command:
    # `last` tells whether it happened since: the plan of a moment later has the same.
    target = {"schema": row["schema"], "table": row["table"], "last": row[care.last]}
    return Command(line=f"{care.verb} {quoted(str(row['schema']))}.{quoted(str(row['table']))};", target=target)


def _run(postgres: PostgresServer, plan: Plan, care: _Care) -> Outcome:
    rows: list[Row] = []
    for command in plan.commands:
        if deadline.is_over():
            break
        if not _done(postgres, command, care):
            act_on_table(postgres, command.line, str(command.target["schema"]), str(command.target["table"]))
        rows.append({"table": f"{command.target['schema']}.{command.target['table']}", "command": command.line})
    left = len(plan.commands) - len(rows)
    rest = f" {left} left for the next time." if left else ""
    return Outcome(
        says=f"{care.verb}: {count(len(rows), 'table')} done.{rest}",
        complete=_told(postgres, plan.commands[: len(rows)], care) and not left,
        rows=rows,
    )


def _told(postgres: PostgresServer, commands: Sequence[Command], care: _Care) -> bool:
    """Does the server say that these were done? It may take a moment to hear of it itself."""
    until = time.monotonic() + HEARD_WITHIN_S
    while not (done := all(_done(postgres, command, care) for command in commands)) and time.monotonic() < until:
        time.sleep(HEARD_WITHIN_S / 10)
    return done


def _done(postgres: PostgresServer, command: Command, care: _Care) -> bool:
    """Was it done by hand since the plan? A table that is gone needs nothing any more."""
    rows = postgres.rows(CARE_DONE, schema=command.target["schema"], table=command.target["table"])
    return not rows or (rows[0][care.last] is not None and rows[0][care.last] != command.target["last"])


def _does(one: Held) -> str:
    dead = sum(number(row["dead"]) for row in one.tables)
    return f"End {named(one.holder)} which has kept {dead:,.0f} dead rows for {span(one.held_s)}."
