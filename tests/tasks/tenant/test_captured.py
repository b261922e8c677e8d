"""Nothing of ours runs what the database's owner named like the server's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tasks.model import Verdict
from tasks.tenant import checks
from tasks.tenant.export import ExportTenant
from tasks.tenant.imports import ImportTenant
from tests.conftest import Server
from tests.tasks.postgres.captured import Caught, captured
from tests.tasks.tenant.conftest import ROWS, Move, prepared


@pytest.fixture
def trapped(postgres18: Server, postgres15: Server, tmp_path: Path) -> Iterator[tuple[Move, list[Caught]]]:
    with ExitStack() as stack:
        (source, first), (target, second) = (
            stack.enter_context(captured(server, before=prepared)) for server in (postgres18, postgres15)
        )
        yield Move(source, target, tmp_path / "tenants"), [first, second]


def test_no_question_and_no_step_of_a_tenant_runs_it(trapped: tuple[Move, list[Caught]]) -> None:
    move, caught = trapped
    move.source.admin(f"SET search_path = public; {ROWS}")
    door = move.door()

    assert checks.check_tenant_tables.fn(door).facts == {
        "tables": ["public.organizations", "public.leads", 'public."We ""ird.%s"']
    }
    plan = ExportTenant().plan(door, tenant_id="acme")
    assert ExportTenant().apply(door, plan).complete
    plan = ImportTenant().plan(door, tenant_id="acme")
    outcome = ImportTenant().apply(door, plan)
    assert outcome.complete
    assert checks.check_tenant_imported.fn(door, tenant_id="acme").verdict is Verdict.OK
    back = ImportTenant().undo(plan, outcome)
    plan = back.plan(door)
    assert back.apply(door, plan).complete

    assert [one() for one in caught] == [[], []]
