"""Care within a window: who needs it most comes first, and nothing is begun when the time is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks import deadline
from tasks.model import Plan
from tasks.postgres.system import PostgresServer
from tasks.postgres.vacuum.actions import AnalyzeTable, VacuumTable
from tasks.postgres.vacuum.queries import TABLE_CARE
from tasks.postgres.values import number
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

NEED = {"little": 9_000, "most": 14_000, "more": 12_000}


def neglected(stage: Stage) -> PostgresServer:
    stage.admin("GRANT CREATE ON SCHEMA public TO app")
    for name, gone in NEED.items():
        stage.admin(
            f"SET ROLE app; CREATE TABLE {name} (id int) WITH (autovacuum_enabled = false);"
            f"INSERT INTO {name} SELECT generate_series(1, 15000)"
        )
        stage.admin(f"VACUUM (ANALYZE) {name}")
        stage.admin(f"DELETE FROM {name} WHERE id <= {gone}")  # noqa: S608
    postgres = keeper(stage)

    def counted() -> bool:
        rows = postgres.rows(TABLE_CARE, at_least=0)
        return all(number(row["dead"]) >= NEED[str(row["table"])] for row in rows if row["table"] in NEED)

    until(counted, "the dead rows are counted")
    return postgres


def tables(plan: Plan) -> list[object]:
    return [command.target["table"] for command in plan.commands]


@pytest.mark.parametrize("action", [AnalyzeTable(), VacuumTable()])
def test_it_begins_with_who_needs_it_most(stage18: Stage, action: AnalyzeTable | VacuumTable) -> None:
    assert tables(action.plan(neglected(stage18))) == ["most", "more", "little"]


@pytest.mark.parametrize("action", [AnalyzeTable(), VacuumTable()])
def test_it_stops_between_two_tables(
    stage18: Stage, action: AnalyzeTable | VacuumTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = neglected(stage18)
    plan = action.plan(postgres)
    # The window ends while the first table is done.
    ends = datetime.now(UTC) + timedelta(hours=1)
    act_at_length = PostgresServer.act_at_length

    def slowly(self: PostgresServer, query: str, **given: float) -> object:
        monkeypatch.setattr(deadline, "now", lambda: ends)
        return act_at_length(self, query, **given)

    monkeypatch.setattr(PostgresServer, "act_at_length", slowly)
    with deadline.until(ends):
        outcome = action.apply(postgres, plan)

    assert not outcome.complete
    assert outcome.says.endswith("1 table done. 2 left for the next time.")
    assert [row["table"] for row in outcome.rows] == ["public.most"]
    until(lambda: tables(action.plan(postgres)) == ["more", "little"], "the others still wait")
