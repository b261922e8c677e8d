"""What all questions about a server's condition have in common: healthy servers raise nothing, the blind say so."""

from __future__ import annotations

import pytest

from tasks.check import Check
from tasks.model import Earlier, Finding, Verdict
from tasks.postgres.autovacuum import check_autovacuum, check_vacuum_held_back
from tasks.postgres.cache import check_cache_hits, check_temp_files
from tasks.postgres.checkpoints import check_checkpoints, check_wal_rate
from tasks.postgres.replication import check_replication_lag, check_replication_slots
from tasks.postgres.sizes import check_database_size
from tasks.postgres.transaction_age import check_transaction_age
from tests.tasks.postgres.conftest import Stage

ALL = (
    check_cache_hits,
    check_temp_files,
    check_checkpoints,
    check_wal_rate,
    check_replication_lag,
    check_replication_slots,
    check_transaction_age,
    check_database_size,
    check_autovacuum,
    check_vacuum_held_back,
)
COUNTING = (check_cache_hits, check_temp_files, check_checkpoints, check_wal_rate)


def ask(stage: Stage, asked: Check[...], earlier: Finding | None = None, reads: str = "reader") -> Finding:
    given = {"earlier": Earlier(at_s=0, value=0, facts=earlier.facts)} if earlier else {}
    return asked.fn(stage.door(reads), **given)


@pytest.mark.parametrize("asked", ALL, ids=lambda asked: asked.name)
def test_it_raises_nothing_on_a_healthy_server(stage: Stage, asked: Check[...]) -> None:
    first = ask(stage, asked)
    takes_earlier = asked in COUNTING or "earlier" in asked.fn.__annotations__

    assert first.verdict is Verdict.OK, first.says
    # Or the next look would have nothing to compare with.
    assert first.value is not None
    if takes_earlier:
        assert ask(stage, asked, first).verdict is Verdict.OK
    print(first.says)


@pytest.mark.parametrize(
    "asked",
    [check_replication_lag, check_database_size, check_autovacuum],
    ids=lambda asked: asked.name,
)
def test_it_is_unknown_to_a_role_that_may_not_see(stage: Stage, asked: Check[...]) -> None:
    found = ask(stage, asked, reads="nobody_special")

    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "GRANT pg_monitor TO nobody_special;"
