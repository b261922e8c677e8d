"""The rehearsal of maintenance/database: an index full of nothing, and no trace of it afterwards."""

from __future__ import annotations

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Verdict
from tasks.postgres.tables import bloat, checks, faults
from tasks.postgres.tables.actions import ReindexBloated
from tasks.postgres.tables.checks import check_index_bloat
from tasks.postgres.tables.faults import TABLE, BloatIndex
from tests.tasks.postgres.conftest import Stage
from tests.tasks.postgres.keeper import keeper


def place(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name="here", kind=kind, systems={"postgres": keeper(stage)})


def test_it_is_noticed_rebuilt_and_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ROWS", 30_000)
    monkeypatch.setattr(checks, "WORTH_REBUILDING_BYTES", 100_000)
    monkeypatch.setattr(bloat.index_bloat, "__defaults__", (100_000.0,))
    stage.admin("GRANT CREATE ON SCHEMA public TO app")
    postgres, action = keeper(stage), ReindexBloated()

    with BloatIndex().during(place(stage)):
        assert check_index_bloat.fn(postgres).verdict is Verdict.WARN
        assert action.apply(postgres, action.plan(postgres)).complete
        assert check_index_bloat.fn(postgres).verdict is Verdict.OK

    assert stage.admin(f"SELECT to_regclass('{TABLE}')") == [(None,)]


def test_it_refuses_production(stage18: Stage) -> None:
    with pytest.raises(RefusesProduction), BloatIndex().during(place(stage18, Kind.PRODUCTION)):
        pytest.fail("it broke production")
