"""Ways to look after tables: fresh statistics for the planner, dead rows made room again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tasks import deadline
from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.long_acts import act_on_table
from tasks.postgres.queries import CARE_DONE, TABLE_CARE
from tasks.postgres.refusals import quoted
from tasks.postgres.system import PostgresServer
from tasks.postgres.tables import ANALYZE_LAG, LARGE_ROWS, VACUUM_LAG
from tasks.postgres.values import number
from tasks.postgres.words import count

# Up to 14 a process of its own collects the statistics, and tells half a second later what happened.
HEARD_WITHIN_S = 2.0


@dataclass(frozen=True, kw_only=True)
class _Care:
    """One kind of care: its command, the column that says how far behind it is, and the one that says when it was."""

    verb: str
    lag: str
    last: str


ANALYZE = _Care(verb="ANALYZE", lag="analyze_lag", last="last_analyze")
VACUUM = _Care(verb="VACUUM (ANALYZE)", lag="vacuum_lag", last="last_vacuum")


class AnalyzeTable(Action):
    """Analyze the tables whose statistics are out of date.

    Reads a sample of each table; reads and writes go on. Statements may be planned differently from then on, which is
    what it is for.
    """

    undo = NoWayBack(
        loses="Nothing but the old statistics: row counts and histograms that were wrong. Plans change with them."
    )

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

    def plan(self, postgres: PostgresServer, dead: Threshold = VACUUM_LAG) -> Plan:
        return _plan(postgres, VACUUM, dead, self.undo.loses)

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return _run(postgres, plan, VACUUM)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(_done(postgres, command, VACUUM) for command in plan.commands)


def _plan(postgres: PostgresServer, care: _Care, limit: Threshold, loses: str) -> Plan:
    tables = postgres.rows_as_actor(TABLE_CARE, at_least=LARGE_ROWS)
    behind = [row for row in tables if limit.judge(number(row[care.lag])) and not row["in_vacuum"]]
    # Who needs it most comes first: the window may end before the last.
    behind.sort(key=lambda row: -number(row[care.lag]))
    _refuse_not_ours(postgres, behind)
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
