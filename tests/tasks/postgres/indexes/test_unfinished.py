"""Indexes that somebody works on now, or that wait for partitions: they are told, and never dropped."""

from __future__ import annotations

import re
from collections.abc import Callable

import psycopg
import pytest

from tasks.model import Verdict
from tasks.postgres.indexes import spare
from tasks.postgres.indexes.checks import check_invalid_indexes
from tasks.postgres.indexes.drops import DropInvalidIndexes
from tasks.postgres.indexes.queries import BUILDS
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper


@pytest.fixture
def owned(stage: Stage) -> Stage:
    """With a partitioned table, beside `leads`; the application owns both."""
    stage.admin(
        "GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads OWNER TO app;"
        "CREATE INDEX by_status ON leads (status);"
        "SET ROLE app; CREATE TABLE events (id int NOT NULL, kind int) PARTITION BY RANGE (id);"
        "CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (0) TO (100);"
        'CREATE TABLE "events New" PARTITION OF events FOR VALUES FROM (100) TO (200);'
        "INSERT INTO events SELECT n, 1 FROM generate_series(0, 199) n"
    )
    return stage


@pytest.mark.parametrize(
    ("line", "indexes"),
    [
        ("CREATE INDEX CONCURRENTLY slow ON leads (status)", "slow"),
        ("REINDEX INDEX CONCURRENTLY by_status", "by_status"),
        ("DROP INDEX CONCURRENTLY by_status", "by_status"),
    ],
)
def test_it_tells_who_works_on_an_index_and_proposes_nothing(owned: Stage, line: str, indexes: str) -> None:
    writer = owned.begins("billing", "UPDATE leads SET status = 'x' WHERE id = 1")
    worker = owned.session("migration")
    owned.runs(worker, line)
    until(lambda: owned.door().rows(BUILDS) and owned.door().rows(BUILDS)[0]["waits_for"], "the work waits")
    until(lambda: not all(row["valid"] for row in spare.facts(owned.door())), "an index is invalid")

    found = check_invalid_indexes.fn(owned.door())
    plan = DropInvalidIndexes().plan(keeper(owned))

    assert found.verdict is Verdict.OK
    assert re.sub(r"for \d+ s", "for N s", found.says).startswith(
        f"No build broke off. Pid {worker.info.backend_pid} (migration) is at "
        f"{' '.join(line.split()[:1])} {'' if 'REINDEX' in line else 'INDEX '}CONCURRENTLY on public.leads ("
    )
    assert indexes in found.says
    assert f"now for pid {writer.info.backend_pid} (billing)." in found.says
    assert plan.commands == ()
    assert plan.does.startswith("Nothing to drop. Pid ")
    writer.close()


def breaks(stage: Stage, line: str) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        stage.admin(line)


def test_it_drops_what_was_left_behind_on_one_partition(owned: Stage) -> None:
    breaks(owned, "CREATE UNIQUE INDEX CONCURRENTLY broken ON events_old (kind)")

    found = check_invalid_indexes.fn(owned.door())
    plan = DropInvalidIndexes().plan(keeper(owned))

    assert (found.verdict, found.says) == (Verdict.BAD, "Invalid, and written with every row: public.broken.")
    assert [command.line for command in plan.commands] == ["DROP INDEX CONCURRENTLY public.broken;"]
    assert DropInvalidIndexes().apply(keeper(owned), plan).complete
    assert check_invalid_indexes.fn(owned.door()).says == "No index is invalid."


def by_status(stage: Stage) -> None:
    stage.admin("CREATE INDEX by_kind ON ONLY events (kind)")


def half_done(stage: Stage) -> None:
    by_status(stage)
    stage.admin("CREATE INDEX CONCURRENTLY waits ON events_old (kind)")


def key(stage: Stage) -> None:
    stage.admin("ALTER TABLE ONLY events ADD CONSTRAINT by_kind PRIMARY KEY (id)")


def unique(stage: Stage) -> None:
    stage.admin("ALTER TABLE ONLY events ADD CONSTRAINT by_kind UNIQUE (id, kind)")


def nested(stage: Stage) -> None:
    stage.admin(
        "CREATE TABLE later PARTITION OF events FOR VALUES FROM (200) TO (300) PARTITION BY RANGE (id);"
        "CREATE TABLE latest PARTITION OF later FOR VALUES FROM (200) TO (210)"
    )
    by_status(stage)


def types(stage: Stage, remedy: str) -> None:
    """As a person at psql would: one statement after the other."""
    for statement in remedy.replace("\n", " ").split("; "):
        stage.admin(statement)


@pytest.mark.parametrize("made", [by_status, half_done, key, unique, nested])
def test_it_holds_the_lines_that_complete_an_index_of_a_partitioned_table(
    owned: Stage, made: Callable[[Stage], None]
) -> None:
    made(owned)
    found = check_invalid_indexes.fn(owned.door())
    plan = DropInvalidIndexes().plan(keeper(owned))

    assert found.verdict is Verdict.WARN
    assert found.says.startswith("No build broke off. The index public.by_kind of the partitioned public.events lacks ")
    assert 'public."events New", public.events_old' in found.says
    assert plan.commands == ()
    assert f"By hand:\n{found.remedy}" in plan.does
    for _ in range(3):
        types(owned, check_invalid_indexes.fn(owned.door()).remedy or "SELECT 1")
    assert check_invalid_indexes.fn(owned.door()).says == "No index is invalid."
    # What had been built for a partition was attached, not built again.
    assert len(owned.admin("SELECT 1 FROM pg_index WHERE indrelid = 'events_old'::regclass")) == 1


def test_it_repairs_what_is_attached_and_does_not_work(owned: Stage) -> None:
    owned.admin("INSERT INTO events VALUES (1, 7)")
    breaks(owned, "CREATE UNIQUE INDEX CONCURRENTLY of_old ON events_old (id)")
    owned.admin("DELETE FROM events WHERE kind = 7; CREATE UNIQUE INDEX by_id ON events (id)")

    found = check_invalid_indexes.fn(owned.door())

    assert found.verdict is Verdict.BAD
    assert found.says == (
        "Invalid, and written with every row: public.of_old. The index public.by_id of the partitioned public.events "
        "lacks 1 partition: public.events_old."
    )
    assert DropInvalidIndexes().plan(keeper(owned)).commands == ()
    assert found.remedy == (
        "REINDEX INDEX CONCURRENTLY public.of_old; ALTER INDEX public.by_id ATTACH PARTITION public.of_old;"
    )
    types(owned, found.remedy)
    assert check_invalid_indexes.fn(owned.door()).says == "No index is invalid."
