"""Ways to be rid of indexes that do no work: unused, superfluous beside another one, or never finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks.action import Action
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.actions import RebuildIndex
from tasks.postgres.indexes.spare import Spare
from tasks.postgres.indexes.unfinished import unfinished
from tasks.postgres.indexes.work import Guard, carry_out, drop, refuse_not_owned, refuse_read_only, settled
from tasks.postgres.system import PostgresServer
from tasks.postgres.values import number
from tasks.postgres.words import span

OF_REPLICAS = (
    "Replicas that read from here by a file archive are not seen, and count their own queries: ask them first."
)


class DropIdleIndexes(Action):
    """Drop the indexes that no query uses.

    CONCURRENTLY: reads and writes go on meanwhile. Never one that enforces a key or another constraint, that a foreign
    key needs, or of which it cannot be known. Somebody who needs it once a quarter notices; the plan holds its
    definition.
    """

    def plan(self, postgres: PostgresServer) -> Plan:
        counted = spare.counting(postgres)
        why = spare.elsewhere(counted) or spare.too_young(counted) or "no index has been unused for 31 days"
        known = (
            f"Queries are counted for {span(number(counted['counted_for_s']))}, since {counted['began']}. Was one of "
            "them built since, or the database restored from a dump? Postgres keeps no date of it. "
            f"{OF_REPLICAS}"
        )
        return _plan(
            postgres,
            _idle,
            f"Nothing to drop: {why}.",
            known,
            "Queries that come after all read the table from end to end.",
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return carry_out(postgres, plan, _guard(postgres, _idle))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Build the index again from its definition, CONCURRENTLY."""
        return RebuildIndex([dict(command.target) for command in plan.commands])


class DropDuplicateIndexes(Action):
    """Drop the indexes that another one makes superfluous.

    CONCURRENTLY: reads and writes go on meanwhile. The other one always stays: it is looked at again just before. Never
    one that enforces a key or another constraint.
    """

    def plan(self, postgres: PostgresServer) -> Plan:
        loses = "Nothing where both are alike; a query that read the narrower one reads up to twice its pages."
        return _plan(postgres, _duplicate, "Nothing to drop: no index is superfluous beside another one.", "", loses)

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return carry_out(postgres, plan, _guard(postgres, _duplicate))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)

    def undo(self, plan: Plan, _: Outcome) -> Action:
        """Build the index again from its definition, CONCURRENTLY."""
        return RebuildIndex([dict(command.target) for command in plan.commands])


class DropInvalidIndexes(Action):
    """Drop what a broken-off index build left behind.

    CONCURRENTLY: reads and writes go on meanwhile. Never one that is being built or dropped now, nor one of a
    partitioned table that waits for its partitions: the plan says what completes it.
    """

    undo = NoWayBack(loses="Nothing: no query may use an invalid index. A unique one no longer refuses equal values.")

    def plan(self, postgres: PostgresServer) -> Plan:
        rest = unfinished(postgres)
        by_hand = f"By hand:\n{rest.by_hand}" if rest.by_hand else ""
        known = f"{rest.says} {by_hand}".strip()
        nothing = f"Nothing to drop. {known}" if known else "Nothing to drop: no index is invalid."
        return _plan(postgres, _invalid, nothing, known, self.undo.loses)

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        return carry_out(postgres, plan, _guard(postgres, _invalid))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return settled(postgres, plan)


Find = Callable[[PostgresServer, Sequence[Row]], list[Spare]]


def _idle(postgres: PostgresServer, indexes: Sequence[Row]) -> list[Spare]:
    return spare.large(spare.unused(indexes, spare.counting(postgres)))


def _duplicate(_: PostgresServer, indexes: Sequence[Row]) -> list[Spare]:
    return spare.large(spare.duplicates(indexes))


def _invalid(postgres: PostgresServer, indexes: Sequence[Row]) -> list[Spare]:
    return spare.broken_off(postgres, indexes)


def _plan(postgres: PostgresServer, find: Find, nothing: str, known: str, loses: str) -> Plan:
    indexes = spare.facts(postgres)
    found = find(postgres, indexes)
    if found:
        refuse_read_only(postgres)
    refuse_not_owned(postgres, [one.row for one in found])
    told = [_does(one) for one in found]
    return Plan(
        does=" ".join([*told, known]).strip() if told else nothing,
        commands=tuple(_command(one) for one in found),
        blast_radius=BlastRadius(touched=len(found), total=len(indexes), noun="indexes"),
        risk=Risk.MODERATE if any(one.row["valid"] for one in found) else Risk.LOW,
        loses=loses,
        evidence=[one.evidence for one in found],
    )


def _does(one: Spare) -> str:
    remark = f" Its comment: “{one.row['comment']}”." if one.row["comment"] else ""
    size = number(one.row["bytes"]) / 2**20
    return f"Drop {one.row['ident']} of {one.row['table_ident']}, {size:,.0f} MiB: {one.why}.{remark}"


def _command(one: Spare) -> Command:
    command = drop(one.row)
    # Part of the effect: an approval to drop it beside this one is none to drop it beside another.
    kept = {"kept": one.kept["ident"]} if one.kept else {}
    return Command(line=command.line, target={**command.target, "oid": one.row["oid"], **kept})


def _guard(postgres: PostgresServer, find: Find) -> Guard:
    """It is dropped only if everything that was said of it is so still."""

    def changed(command: Command) -> str:
        now = [_command(one) for one in find(postgres, spare.facts(postgres))]
        return "" if command in now else "what the plan says of it is no longer so"

    return changed
