"""Wasted room is given back: where it is worth it, in the time there is, and with nothing left behind when it fails."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tasks import deadline
from tasks.model import CannotLook, Refused, Risk
from tasks.postgres.tables import actions, bloat
from tasks.postgres.tables.actions import ReindexBloated, VacuumFull, left_overs
from tasks.postgres.tables.queries import READ_RATE
from tasks.postgres.tables.rebuild_time import ASSUMED_RATE, FASTEST_RATE, pace
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

NAME = 'We "ird.%s'
IDENT = '"We ""ird.%s"'
INDEX = '"Its ""index.%s"'
ROWS = 20_000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten megabytes are long to write for a test: here a hundred kilobytes are large."""
    for function in (bloat.index_bloat, bloat.table_bloat):
        monkeypatch.setattr(function, "__defaults__", (100_000.0,))


def wasteful(stage: Stage, kept: int = 10) -> None:
    """A table and an index of which one row in `kept` is left; beside it an index without waste."""
    stage.admin(
        f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app;"  # noqa: S608
        f"CREATE TABLE {IDENT} (id int, note text) WITH (autovacuum_enabled = false);"
        f"INSERT INTO {IDENT} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n;"
        f"CREATE INDEX {INDEX} ON {IDENT} (note);"
        f"DELETE FROM {IDENT} WHERE id % {kept} <> 0"
    )
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: not stage.admin(others), "the writing sessions are gone")
    stage.admin(f"VACUUM (ANALYZE) {IDENT}")


def size(stage: Stage, ident: str) -> int:
    return int(str(stage.admin(f"SELECT pg_relation_size('public.{ident}')")[0][0]))


def file(stage: Stage, ident: str) -> object:
    return stage.admin(f"SELECT pg_relation_filenode('public.{ident}')")[0][0]


def indexes(stage: Stage) -> list[tuple[object, ...]]:
    return stage.admin(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "  # noqa: S608
        f"WHERE i.indrelid = 'public.{IDENT}'::regclass ORDER BY 1"
    )


def test_it_rebuilds_what_is_wasteful_and_nothing_else(stage: Stage) -> None:
    wasteful(stage)
    stage.admin(f"SET ROLE app; CREATE INDEX dense ON {IDENT} (id); CREATE INDEX dense2 ON {IDENT} (id, note)")
    stage.admin(f"ANALYZE {IDENT}")
    before = size(stage, INDEX), file(stage, "dense2")
    postgres, action = keeper(stage), ReindexBloated()
    plan = action.plan(postgres)

    assert [one.line for one in plan.commands] == [f"REINDEX INDEX CONCURRENTLY public.{INDEX};"]
    assert plan.risk is Risk.MODERATE
    assert f"Rebuild public.{INDEX}: 8" in plan.does
    assert "% of " in plan.does
    assert " a second, " in plan.does
    assert action.plan(postgres).effect == plan.effect
    assert action.applied(postgres, plan) is False

    outcome = action.apply(postgres, plan)

    assert outcome.complete
    assert size(stage, INDEX) < before[0] / 4
    assert outcome.rows[0]["given_back"] == before[0] - size(stage, INDEX)
    assert outcome.says.startswith("1 rebuild done, ")
    assert file(stage, "dense2") == before[1]
    assert action.plan(postgres).commands == ()
    assert action.plan(postgres).does == "Nothing to rebuild: no large index wastes that much."


@pytest.mark.parametrize("writer_stays", [False, True])
def test_it_clears_away_when_it_gives_up(stage: Stage, monkeypatch: pytest.MonkeyPatch, writer_stays: bool) -> None:
    wasteful(stage)
    monkeypatch.setattr(actions, "LONG_ACT_LOCK_S", 0.5)
    monkeypatch.setattr(actions, "CLEAR_LOCK_S", 0.5)
    postgres, action = keeper(stage), ReindexBloated()
    plan = action.plan(postgres)
    writer = stage.begins("billing", f"UPDATE {IDENT} SET id = 0 WHERE id = 10")  # noqa: S608

    if not writer_stays:
        look = actions.left_overs

        def late(*given: object) -> object:
            writer.execute("COMMIT")
            return look(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(actions, "left_overs", late)
    with pytest.raises(CannotLook, match="is locked"):
        action.apply(postgres, plan)

    assert action.applied(postgres, plan) is False
    whole = (INDEX.strip('"').replace('""', '"'), True)
    if writer_stays:
        # Found by check_invalid_indexes when the writer is gone.
        assert indexes(stage) == [whole, (f"{whole[0]}_ccnew", False)]
    else:
        assert indexes(stage) == [whole]
        assert action.apply(postgres, plan).complete


def test_it_takes_no_other_index_for_a_left_over(stage18: Stage) -> None:
    wasteful(stage18)
    stage18.admin(f"SET ROLE app; CREATE INDEX mine_ccnew ON {IDENT} (id); CREATE INDEX i_ccnew ON {IDENT} (note)")
    stage18.admin("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'mine_ccnew'::regclass")
    postgres = keeper(stage18)

    # One is of another column, the other is valid.
    assert left_overs(postgres, f"public.{INDEX}") == []
    stage18.admin("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i_ccnew'::regclass")
    assert [row["ident"] for row in left_overs(postgres, f"public.{INDEX}")] == ["public.i_ccnew"]


def test_it_leaves_what_it_has_no_time_for(stage18: Stage) -> None:
    wasteful(stage18)
    postgres, action = keeper(stage18), ReindexBloated()
    plan = action.plan(postgres)
    before = file(stage18, INDEX)

    with deadline.until(datetime.now(UTC) + timedelta(seconds=0.5)):
        outcome = action.apply(postgres, plan)

    assert not outcome.complete
    assert outcome.says == "No rebuild done, 0 bytes given back. 1 left for the next time."
    assert outcome.rows[0]["fate"] == "left for the next time: it takes about 1 s, and 0 s are left"
    assert file(stage18, INDEX) == before


def test_it_refuses_what_is_not_ours_to_rebuild(stage18: Stage) -> None:
    wasteful(stage18)
    stage18.admin("GRANT pg_read_all_data TO sees_only")
    try:
        for action in (ReindexBloated(), VacuumFull()):
            with pytest.raises(Refused, match="may be rebuilt by its owner only") as caught:
                action.plan(stage18.door(acts="sees_only"))
            assert caught.value.remedy.startswith("GRANT app TO sees_only;")
    finally:
        # Roles are the whole server's: other tests rely on what this one may not see.
        stage18.admin("REVOKE pg_read_all_data FROM sees_only")


def test_it_leaves_an_exclusion_constraint_alone(stage18: Stage) -> None:
    """REINDEX CONCURRENTLY would refuse it, and with it all that come after."""
    wasteful(stage18)
    stage18.admin(f"SET ROLE app; DROP INDEX {INDEX}; DELETE FROM {IDENT}")  # noqa: S608
    stage18.admin(f"SET ROLE app; ALTER TABLE {IDENT} ADD CONSTRAINT alone EXCLUDE USING btree (note WITH =)")
    stage18.admin(f"INSERT INTO {IDENT} SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) n")  # noqa: S608
    stage18.admin(f"DELETE FROM {IDENT} WHERE id % 10 <> 0")  # noqa: S608
    stage18.admin(f"VACUUM (ANALYZE) {IDENT}")

    assert ReindexBloated().plan(keeper(stage18)).commands == ()


def test_it_writes_a_table_anew_that_is_nearly_empty(stage: Stage) -> None:
    wasteful(stage, kept=20)
    rows = stage.admin(f"SELECT count(*), sum(id) FROM {IDENT}")  # noqa: S608
    before = size(stage, IDENT)
    postgres, action = keeper(stage), VacuumFull()
    plan = action.plan(postgres)

    assert [one.line for one in plan.commands] == [f"VACUUM (FULL, ANALYZE) public.{IDENT};"]
    assert plan.risk is Risk.HIGH
    assert "closed to everybody for about 1 s (at " in plan.does
    assert "must be free on its disk meanwhile." in plan.does
    assert plan.evidence[0]["closed_s"] == 1.0

    outcome = action.apply(postgres, plan)

    assert outcome.complete
    assert size(stage, IDENT) < before / 10
    assert stage.admin(f"SELECT count(*), sum(id) FROM {IDENT}") == rows  # noqa: S608
    assert action.plan(postgres).commands == ()


def test_it_closes_no_table_for_half_its_room(stage18: Stage) -> None:
    wasteful(stage18, kept=3)
    plan = VacuumFull().plan(keeper(stage18))
    assert plan.commands == ()
    assert plan.does == "Nothing to write anew: of no large table far the most is waste."


def test_it_does_not_queue_before_everybody_for_a_closed_table(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wasteful(stage18, kept=20)
    monkeypatch.setattr(actions, "FULL_LOCK_S", 0.3)
    postgres, action = keeper(stage18), VacuumFull()
    plan = action.plan(postgres)
    stage18.begins("report", f"SELECT count(*) FROM {IDENT}")  # noqa: S608
    refused: list[str] = []

    def run() -> None:
        try:
            action.apply(postgres, plan)
        except CannotLook as error:
            refused.append(error.says)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)

    assert "is locked" in refused[0]
    assert action.applied(postgres, plan) is False


def test_it_says_where_its_time_comes_from(stage18: Stage) -> None:
    postgres = keeper(stage18)
    seen = postgres.rows(READ_RATE)[0]
    assert seen["measured"] is True

    stage18.admin(f"ALTER DATABASE {stage18.admin_url.rpartition('/')[2]} SET track_io_timing = off")
    assumed = pace(postgres)
    assert assumed.rate == ASSUMED_RATE
    assert assumed.says(40) == (
        "about 40 s (at 50.0 MiB a second, an assumption: this server has not measured its reads)"
    )


@pytest.mark.parametrize(
    ("mib", "seconds", "rate"),
    [(1000, 10, 100 * 2**20), (63, 1, ASSUMED_RATE), (1000, 1, FASTEST_RATE), (1000, 0, ASSUMED_RATE)],
)
def test_it_reckons_with_what_was_measured(
    stage18: Stage, monkeypatch: pytest.MonkeyPatch, mib: int, seconds: float, rate: float
) -> None:
    measured = [{"measured": True, "bytes": mib * 2**20, "seconds": seconds}]
    monkeypatch.setattr("tasks.postgres.system.PostgresServer.rows", lambda *_: measured)
    assert pace(stage18.door()).rate == rate
