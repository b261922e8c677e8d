"""Ways to give back room that is wasted: an index built anew beside the old one, a table written anew behind a lock."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

from tasks.action import Action
from tasks.amounts import size
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Risk, Row, Threshold, Verdict
from tasks.postgres.system import LONG_ACT_LOCK_S, PostgresServer
from tasks.postgres.tables.bloat import index_bloat, table_bloat
from tasks.postgres.tables.checks import INDEX_BLOAT, TABLE_BLOAT
from tasks.postgres.tables.queries import REBUILD_LEFT_OVERS
from tasks.postgres.tables.rebuild_time import Pace, pace, reindex_bytes, rewrite_bytes
from tasks.postgres.tables.rebuilding import command, places, rebuild, rebuilt
from tasks.postgres.values import number

# A request waits a few seconds without harm; behind VACUUM FULL's own wait for its lock everybody waits.
FULL_LOCK_S = 5.0
CLEAR_LOCK_S = 30.0

_log = logging.getLogger(__name__)


class ReindexBloated(Action):
    """Rebuild the indexes that take far more room than they need.

    CONCURRENTLY: reads and writes go on meanwhile; VACUUM and schema changes of that table wait. The old index serves
    until the new one stands, so its size is needed twice. If it breaks off, the unfinished one is dropped; one that
    would not end within the window is left for the next.
    """

    undo = NoWayBack(loses="Nothing: it is the same index, without the waste. It costs disk reads, writes and log.")

    def plan(self, postgres: PostgresServer, wasted: Threshold = INDEX_BLOAT) -> Plan:
        found = index_bloat(postgres)
        sick = {str(row["ident"]): row for row in found if wasted.judge(number(row["ratio"]))}
        there = {ident: row for ident, row in places(postgres, list(sick)).items() if not row["excludes"]}
        if there:
            postgres.refuse_pooled_actor()
        at = pace(postgres)
        takes = {ident: _reindex_s(at, row) for ident, row in there.items()}
        told = [f"Rebuild {ident}: {_waste(sick[ident])}; {at.says(takes[ident])}." for ident in there]
        return Plan(
            does=" ".join(told) or "Nothing to rebuild: no large index wastes that much.",
            commands=tuple(command("REINDEX INDEX CONCURRENTLY", row) for row in there.values()),
            blast_radius=BlastRadius(touched=len(there), total=len(found), noun="large indexes"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[{**sick[ident], "takes_s": takes[ident]} for ident in there],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        estimate = functools.partial(_reindex_s, pace(postgres))
        clear = functools.partial(_drop_left_overs, postgres)
        return rebuild(postgres, plan, LONG_ACT_LOCK_S, estimate, clear)

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(rebuilt(postgres, one) for one in plan.commands)


class VacuumFull(Action):
    """Write the tables anew that are nearly empty inside.

    VACUUM FULL: nobody reads or writes the table while it runs, which is as long as the plan estimates. Its lock must
    come within five seconds, or it gives up. Only tables of which far the most is waste: what plain VACUUM makes free,
    new rows use again.
    """

    undo = NoWayBack(
        loses="No row. Until it ends every request for the table waits or fails; broken off, the old table stands."
    )

    def plan(self, postgres: PostgresServer, wasted: Threshold = TABLE_BLOAT) -> Plan:
        found = table_bloat(postgres)
        sick = {str(row["ident"]): row for row in found if wasted.judge(number(row["ratio"])) is Verdict.BAD}
        there = places(postgres, list(sick))
        if there:
            postgres.refuse_pooled_actor()
        at = pace(postgres)
        takes = {ident: _full_s(at, sick, row) for ident, row in there.items()}
        needs = {ident: _live(sick, row) + number(row["indexes_bytes"]) for ident, row in there.items()}
        told = [
            f"Write {ident} anew, {_waste(sick[ident])}: closed to everybody for {at.says(takes[ident])}; up to "
            f"{size(needs[ident])} must be free on its disk meanwhile."
            for ident in there
        ]
        return Plan(
            does=" ".join(told) or "Nothing to write anew: of no large table far the most is waste.",
            commands=tuple(command("VACUUM (FULL, ANALYZE)", row) for row in there.values()),
            blast_radius=BlastRadius(touched=len(there), total=len(found), noun="large tables"),
            risk=Risk.HIGH,
            loses=self.undo.loses,
            evidence=[{**sick[i], "closed_s": takes[i], "needs_bytes": needs[i]} for i in there],
        )

    def apply(self, postgres: PostgresServer, plan: Plan) -> Outcome:
        sick = {str(row["ident"]): row for row in table_bloat(postgres)}
        return rebuild(postgres, plan, FULL_LOCK_S, functools.partial(_full_s, pace(postgres), sick))

    def applied(self, postgres: PostgresServer, plan: Plan) -> bool | None:
        return all(rebuilt(postgres, one) for one in plan.commands)


def _reindex_s(at: Pace, row: Row) -> float:
    return at.takes_s(reindex_bytes(row))


def _full_s(at: Pace, known: dict[str, Row], row: Row) -> float:
    return at.takes_s(rewrite_bytes(row, _live(known, row)))


def _live(known: dict[str, Row], row: Row) -> float:
    """What of the table is no waste; all of it where nothing is known."""
    return number(row["bytes"]) - number(known.get(str(row["ident"]), {}).get("wasted_bytes"))


def _waste(row: Row) -> str:
    return f"{number(row['ratio']):.0%} of {size(number(row['size_bytes']))} wasted"


def _drop_left_overs(postgres: PostgresServer, one: Command) -> None:
    """Every write pays for them, and no query may use them.

    Whoever stood in the rebuild's way may stand in this one's as well: then check_invalid_indexes finds them later.
    """
    for row in left_overs(postgres, str(one.target["ident"])):
        try:
            postgres.act_at_length(str(row["drop_line"]), lock_s=CLEAR_LOCK_S)
        except CannotLook as error:
            _log.info("%s is left: %s", row["ident"], error.says)


def left_overs(postgres: PostgresServer, ident: str) -> Sequence[Row]:
    """The unfinished copies of the index `ident`.

    Raises:
        CannotLook, Refused: no answer.
    """
    return postgres.rows(REBUILD_LEFT_OVERS, ident=ident)
