"""Nothing of ours runs what a store's owner named like the server's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.mirror import checks
from tasks.mirror.actions import SyncDriftedRows
from tasks.mirror.faults import DriftRows
from tasks.mirror.resync import ResyncTables
from tasks.mirror.system import Mirror
from tasks.model import Verdict
from tests.conftest import Server
from tests.tasks.mirror.conftest import PEOPLE
from tests.tasks.postgres.captured import Caught, captured
from tests.tasks.postgres.conftest import Stage

READY = (
    PEOPLE,
    "CREATE EXTENSION citext; GRANT ALL ON people TO app; ALTER TABLE people ADD nick citext;"
    "INSERT INTO people (id, name) SELECT n, 'name ' || n FROM generate_series(1, 40) n",
)

Stores = tuple[tuple[Stage, Caught], tuple[Stage, Caught]]


@pytest.fixture
def stores(postgres18: Server, postgres15: Server) -> Iterator[Stores]:
    with captured(postgres18, *READY) as left, captured(postgres15, *READY) as right:
        yield left, right


def mirror(stores: Stores, **table: object) -> Mirror:
    sides = [
        {"name": name, "url": stage.url("app"), "drill_url": stage.url("app")}
        for name, (stage, _) in zip(("app", "crm"), stores, strict=True)
    ]
    tables = [{"name": "people", "key": ["id"], "source_of_truth": "left", "resync_max_rows": 40, **table}]
    return Mirror.model_validate({"left": sides[0], "right": sides[1], "tables": tables})


def test_no_question_no_fault_and_no_step_of_a_mirror_runs_it(stores: Stores) -> None:
    both = mirror(stores)

    trouble = DriftRows().cause(both)
    drifted = checks.check_row_drift.fn(both)
    checks.check_row_counts.fn(both)
    for action in (SyncDriftedRows(), ResyncTables()):
        plan = action.plan(both)
        if plan.commands:
            action.apply(both, plan)
    healed = checks.check_row_drift.fn(both)
    DriftRows().cure(trouble)

    assert [drifted.verdict, healed.verdict] == [Verdict.BAD, Verdict.OK]
    assert [caught() for _, caught in stores] == [[], []]
