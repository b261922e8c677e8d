"""Long changes: they say where they are and whom they wait for, and nothing about other people's work."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from tasks import how_far
from tasks.how_far import Progress, told_to
from tasks.postgres.long_acts import PHASES, act_on_table, where
from tasks.postgres.system import LONG_ACT_S
from tests.tasks.postgres.conftest import DEADLINE_S, Stage, until
from tests.tasks.postgres.keeper import keeper

NAME = 'We "ird.%s'
IDENT = '"We ""ird.%s"'


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(how_far, "EVERY_S", 0.02)


def table(stage: Stage) -> None:
    stage.admin(f"GRANT CREATE ON SCHEMA public TO app; SET ROLE app; CREATE TABLE {IDENT} (id int)")
    stage.admin(f"INSERT INTO {IDENT} SELECT generate_series(1, 5000)")


def begin(stage: Stage, line: str, told: list[Progress]) -> threading.Thread:
    """Do it in a thread, and note what it tells."""

    def run() -> None:
        with told_to(told.append):
            act_on_table(keeper(stage), line, "public", NAME)

    keeper(stage)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_it_says_whom_a_build_waits_for(stage: Stage) -> None:
    table(stage)
    writer = stage.begins("billing", f"UPDATE public.{IDENT} SET id = 0 WHERE id = 1")  # noqa: S608
    pid = writer.info.backend_pid
    told: list[Progress] = []
    thread = begin(stage, f'CREATE INDEX CONCURRENTLY "i" ON public.{IDENT} (id)', told)
    until(lambda: told, "it tells where it is")

    writer.close()
    thread.join(DEADLINE_S)

    says = told[0].says
    assert says.startswith(f"CREATE INDEX CONCURRENTLY i of public.{NAME}, waiting for writers before build: now for ")
    assert f"pid {pid} (billing)" in says
    assert "in a transaction for 0 s; " in says
    assert told[0].share == 0.0
    assert stage.admin("SELECT indisvalid FROM pg_index WHERE indexrelid = 'i'::regclass") == [(True,)]
    assert where(keeper(stage), "public", NAME) is None


def test_it_says_how_far_a_vacuum_is(stage: Stage) -> None:
    table(stage)
    stage.admin(f"UPDATE public.{IDENT} SET id = id + 1")  # noqa: S608
    keeper(stage)
    # Slow enough to be seen.
    (database,) = stage.admin("SELECT current_database()")[0]
    for setting in ("vacuum_cost_delay = 10", "vacuum_cost_limit = 1"):
        stage.admin(f"ALTER ROLE keeper IN DATABASE {database} SET {setting}")
    told: list[Progress] = []

    begin(stage, f"VACUUM public.{IDENT}", told).join(DEADLINE_S)

    assert told[0].says.startswith(f"VACUUM of public.{NAME}, ")
    shares = [now.share or 0.0 for now in told]
    assert shares == sorted(shares)
    assert any("% of 45 blocks; 0 s so far." in now.says for now in told), [now.says for now in told]


def test_it_says_nothing_of_other_peoples_work(stage18: Stage) -> None:
    table(stage18)
    stage18.begins("billing", f"UPDATE public.{IDENT} SET id = 0 WHERE id = 1")  # noqa: S608
    theirs = stage18.session("migration", "app")
    stage18.runs(theirs, f"CREATE INDEX CONCURRENTLY theirs ON public.{IDENT} (id)")
    until(
        lambda: stage18.admin("SELECT 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'"),
        "their build is under way",
    )

    assert where(keeper(stage18), "public", NAME) is None


def test_no_phase_runs_backwards() -> None:
    for first in ("building index: scanning table", "scanning heap"):
        assert PHASES[first][0] == 0
    assert all(0 <= begins <= ends <= 1 for begins, ends in PHASES.values())


def test_a_network_that_is_silent_for_seconds_ends_no_work_of_hours(stage18: Stage) -> None:
    opened: list[int] = []
    connect = psycopg.connect

    def seen(*url: Any, **options: Any) -> Any:
        opened.append(options["tcp_user_timeout"])
        return connect(*url, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg, "connect", seen)
        stage18.door(acts="app").act_at_length("ANALYZE public.leads")
        stage18.door().rows("SELECT 1")

    assert opened == [1000 * LONG_ACT_S, 5000]
