"""One table that is locked out of everybody's reach blinds no question about the others, and the answer names it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.model import Finding, Verdict
from tasks.postgres.indexes.checks import (
    check_duplicate_indexes,
    check_idle_indexes,
    check_invalid_indexes,
    check_sequential_scans,
)
from tasks.postgres.left_out import locked_out
from tasks.postgres.tables.checks import check_database_size, check_index_bloat, check_table_bloat
from tasks.postgres.vacuum.checks import (
    check_autovacuum,
    check_dead_rows,
    check_stale_statistics,
    check_vacuum_held_back,
)
from tests.tasks.postgres.conftest import Stage, staged
from tests.tasks.postgres.questions import ask, place

MEASURING = (
    check_database_size,
    check_table_bloat,
    check_index_bloat,
    check_sequential_scans,
    check_dead_rows,
    check_stale_statistics,
    check_autovacuum,
    check_vacuum_held_back,
    check_idle_indexes,
    check_duplicate_indexes,
    check_invalid_indexes,
)
# What could not be looked at, by question; the others go by the server's own counters and estimates.
NAMES = {
    "check_database_size": "public.mails.",
    "check_table_bloat": "public.mails.",
    "check_idle_indexes": "public.mails.",
    "check_duplicate_indexes": "public.mails.",
}
LOCK, REINDEX = "LOCK TABLE mails IN ACCESS EXCLUSIVE MODE", "REINDEX INDEX mails_id"
BLOCKED_SESSIONS = "See who holds the lock: incident run database/blocked-sessions"


@pytest.fixture(scope="module", params=["postgres18", "postgres15"])
def large(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Two large tables with a large index each."""
    with staged(request.getfixturevalue(request.param)) as stage:
        for table in ("mails", "letters"):
            stage.admin(
                f"CREATE TABLE {table} WITH (autovacuum_enabled = false) AS"  # noqa: S608 - names of our own
                " SELECT n AS id, md5(n::text) || md5(n::text) AS body FROM generate_series(1, 130000) n;"
                f"CREATE INDEX {table}_id ON {table} (body); ANALYZE {table}; ALTER TABLE {table} OWNER TO app;"
                f"GRANT SELECT ON {table} TO actor"
            )
        yield stage


@pytest.fixture(params=["held", "wanted"])
def locked(large: Stage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A migration has locked `mails`; or it queues up behind a report, and everybody else behind it."""
    if request.param == "held":
        with large.begins("migration", LOCK):
            yield large
        return
    migration = large.session("migration")
    with large.begins("report", "SELECT count(*) FROM mails WHERE id = 1"):
        large.queues(migration, f"BEGIN; {LOCK}")
        yield large
    large.threads[-1].join()
    migration.close()


def asked(stage: Stage) -> dict[str, Finding]:
    door = stage.door().model_copy(update={"statement_timeout_s": 2.0})
    return {one.name: ask(one, place(door)) for one in MEASURING}


def test_it_answers_about_the_others_and_names_what_is_locked(locked: Stage) -> None:
    found = asked(locked)

    named = {name for name, one in found.items() if "Not measured, because locked" in one.says}
    assert named == set(NAMES)
    for name, left_out in NAMES.items():
        assert found[name].says.endswith(f" Not measured, because locked (database/blocked-sessions): {left_out}")
    assert "public.letters" in found["check_database_size"].says
    assert found["check_table_bloat"].says.startswith("1 large table looked at")
    # The lock on a table is none on its indexes.
    assert found["check_index_bloat"].says.startswith("2 large indexes looked at")


def test_it_leaves_out_an_index_that_is_locked(large: Stage) -> None:
    with large.begins("migration", REINDEX):
        found = asked(large)

    says = found["check_index_bloat"].says
    assert says.startswith("1 large index looked at")
    assert says.endswith(" Not measured, because locked (database/blocked-sessions): public.mails_id.")
    for name in ("check_index_bloat", "check_idle_indexes", "check_duplicate_indexes"):
        assert (found[name].verdict, found[name].remedy) == (Verdict.UNKNOWN, BLOCKED_SESSIONS)
    assert found["check_dead_rows"].verdict is Verdict.OK


def test_it_does_not_call_healthy_what_could_not_be_looked_at(locked: Stage) -> None:
    """Nothing is wrong with the others; a verification must not pass on that."""
    found = asked(locked)

    unknown = {name for name, one in found.items() if one.verdict is Verdict.UNKNOWN}
    # How large the database is, is known without the table.
    assert unknown == set(NAMES) - {"check_database_size"}
    assert {found[name].remedy for name in unknown} == {BLOCKED_SESSIONS}


def test_it_still_sees_what_is_wrong_with_the_others(locked: Stage) -> None:
    locked.admin("CREATE INDEX letters_again ON letters (body)")
    try:
        found = asked(locked)["check_duplicate_indexes"]
    finally:
        locked.admin("DROP INDEX letters_again")

    assert found.verdict is Verdict.WARN
    assert found.says.startswith("1 index is superfluous beside another one")
    assert found.says.endswith(": public.mails.")


def test_it_names_a_few_and_counts_the_rest() -> None:
    assert locked_out([]) == ""
    assert locked_out(["a", "b", "c"]).endswith(": a, b, c.")
    assert locked_out(["a", "b", "c", "d", "e"]).endswith(": a, b, c and 2 more.")
