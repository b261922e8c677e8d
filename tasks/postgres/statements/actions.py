"""Ways to stop a statement that does not end."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.action import Action
from tasks.model import NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold
from tasks.postgres.signals import blast_radius, command, refuse_out_of_reach, remaining, sentence, signal
from tasks.postgres.statements.checks import STATEMENT_RUNNING
from tasks.postgres.statements.queries import RUNNING_STATEMENTS
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import limit, session, span


class CancelRunningStatements(Action):
    """Cancel the statements that have been running for too long.

    Exactly those of the plan: a session that runs another statement by then is left alone. Superusers' statements are
    left alone unless the user is named. The session stays; its client sees an error and may ask again at once.
    """

    undo = NoWayBack(loses="What each cancelled statement's transaction had written is rolled back.")
    narrows = True

    def __init__(self, superusers: Sequence[str] = ()) -> None:
        self.superusers = tuple(superusers)

    def plan(self, postgres: PostgresServer, running: Threshold = STATEMENT_RUNNING) -> Plan:
        if blind := postgres.blind():
            raise Refused(blind.says, remedy=blind.remedy)
        statements = postgres.rows(RUNNING_STATEMENTS, at_least_s=running.warn)
        chosen = [row for row in statements if not row["superuser"] or row["user"] in self.superusers]
        commands = tuple(command("pg_cancel_backend", row, "query_start") for row in chosen)
        refuse_out_of_reach(postgres, commands)
        told = [_does(row) for row in chosen] or [f"Nothing to cancel: none has run for {limit(running.warn)}."]
        told += [_left_alone(row) for row in statements if row not in chosen]
        return Plan(
            does=" ".join(told),
            commands=commands,
            blast_radius=blast_radius(postgres, commands),
            risk=Risk.LOW,
            loses=self.way_back,
            evidence=[{**row, "touched": row in chosen} for row in statements],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return signal(postgres, plan, "cancel", "cancelled")

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return None if postgres.blind() else not remaining(postgres, plan.commands, "cancel")


def _does(row: Row) -> str:
    return f"Cancel the statement of {session(row)}, running for {span(number(row['running_s']))}: {row['query']}."


def _left_alone(row: Row) -> str:
    return f"{sentence(session(row))} belongs to the superuser {row['user']}: ask whoever runs it."
