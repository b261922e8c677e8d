"""Slots counted against sessions the test itself holds open; and a look when none is left."""

from __future__ import annotations

import threading

import psycopg
import pytest

from tasks.kept import one_question
from tasks.model import CannotLook, Finding, Threshold, Verdict
from tasks.postgres import reserve
from tasks.postgres.connections.checks import (
    check_connection_slots,
    check_database_connection_limits,
    check_role_connection_limits,
)
from tasks.postgres.refusals import NotConnected, Reason
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import Stage, until

AT_ONCE = Threshold(warn=0, bad=1, because="Ten minutes of real idling are too long for a test.")


def look(stage: Stage, postgres: PostgresServer | None = None) -> Finding:
    return check_connection_slots.fn(postgres or stage.door())


def reserved(stage: Stage) -> bool:
    """Does this server keep slots for roles that are no superuser's?"""
    return bool(stage.admin("SELECT 1 FROM pg_settings WHERE name = 'reserved_connections' AND setting::int > 0"))


def for_all(stage: Stage) -> int:
    """Slots open to all roles: 12, less 3 for superusers, less 3 reserved ones since 16."""
    return 6 if reserved(stage) else 9


def holds(stage: Stage, number: int, name: str = "shop", user: str = "app") -> list[psycopg.Connection]:
    return [stage.session(name, user) for _ in range(number)]


def settled(stage: Stage, taken: int) -> None:
    """What left before has really left: a server process takes a moment."""
    with psycopg.connect(stage.admin_url, autocommit=True) as session:
        count = (
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        until(lambda: session.execute(count).fetchone() == (taken,), f"{taken} sessions are open")


def fill(stage: Stage) -> int:
    """Sessions until the server says no; how many."""
    opened = 0
    while True:
        try:
            stage.session("leaky", "app")
        except psycopg.OperationalError:
            return opened
        opened += 1


def test_it_counts_what_the_test_holds_open(cramped: Stage) -> None:
    settled(cramped, 0)
    assert look(cramped).facts["taken"] == 0
    holds(cramped, 3)

    found = look(cramped)

    slots = for_all(cramped)
    assert {key: found.facts[key] for key in ("slots", "for_superusers", "open_to_all", "taken")} == {
        "slots": 12,
        "for_superusers": 3,
        "open_to_all": slots,
        "taken": 3,
    }
    assert found.verdict is Verdict.OK
    assert found.value == pytest.approx(3 / slots, abs=0.001)
    kept = ", 3 more for roles with reserved slots" if reserved(cramped) else ""
    assert found.says == (
        f"3 connection slots of {slots} taken, {3 / slots:.0%} (bad from 95%; 3 more for superusers{kept})."
    )


def test_it_counts_a_stranger_who_calls_itself_ours(cramped: Stage) -> None:
    settled(cramped, 0)
    cramped.session("incident-pipelines", "app")

    assert look(cramped).facts["taken"] == 1


def test_it_stands_on_both_sides_of_its_limits(cramped: Stage) -> None:
    settled(cramped, 0)
    slots = for_all(cramped)
    below = 4 if slots == 6 else 7  # 67 %, 78 %

    holds(cramped, below)
    assert look(cramped).verdict is Verdict.OK
    holds(cramped, slots - 1 - below)
    assert look(cramped).verdict is Verdict.WARN  # 83 %, 89 %
    if reserved(cramped):
        holds(cramped, 1)
        assert look(cramped).verdict is Verdict.BAD


def test_it_tells_who_holds_the_slots(cramped: Stage) -> None:
    settled(cramped, 0)
    holds(cramped, 3, 'we"ird; app \u00fc', "app")
    busy = cramped.session("", "nobody_special")
    busy.execute("BEGIN")
    holds(cramped, for_all(cramped) - 5)

    found = look(cramped)

    by = {(row["user"], row["application"], row["state"]): row["sessions"] for row in found.rows}
    # Postgres itself makes an application's name plain ASCII.
    weird = next(row["application"] for row in found.rows if str(row["application"]).startswith("we"))
    assert by[("app", weird, "idle")] == 3
    assert by[("nobody_special", "", "idle in transaction")] == 1
    assert found.rows[0]["client"] == "127.0.0.1"


def test_it_looks_through_reserved_slots_when_no_other_is_left(cramped: Stage) -> None:
    settled(cramped, 0)
    postgres = cramped.door()
    if not reserved(cramped):
        postgres = postgres.model_copy(update={"reserve_url": cramped.url("boss")})

    opened = fill(cramped)

    assert opened == for_all(cramped)
    found = look(cramped, postgres)
    assert found.verdict is Verdict.BAD
    assert found.facts["taken"] == opened
    assert f"most by leaky as app from 127.0.0.1: {opened} idle" in found.says


def test_it_lets_a_dozen_questions_share_the_few_reserved_slots(cramped: Stage) -> None:
    settled(cramped, 0)
    postgres = cramped.door()
    if not reserved(cramped):
        postgres = postgres.model_copy(update={"reserve_url": cramped.url("boss")})
    fill(cramped)
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(postgres.rows("SELECT 1 AS one, pg_sleep(0.1)")[0]["one"])
        except CannotLook as error:
            answers.append(error.says)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [1] * 12


def test_no_question_keeps_a_reserved_slot(cramped: Stage) -> None:
    settled(cramped, 0)
    postgres = PostgresServer(url=cramped.url("nobody_special"), reserve_url=cramped.url("boss"))
    taken = fill(cramped)

    with one_question():
        assert postgres.rows("SELECT current_user AS who") == [{"who": "boss"}]
        settled(cramped, taken)


def test_it_acts_through_the_reserve_too(cramped: Stage) -> None:
    settled(cramped, 0)
    postgres = PostgresServer(url=cramped.url("nobody_special"), reserve_url=cramped.url("boss"))
    fill(cramped)

    assert postgres.act("SELECT current_user AS who") == [{"who": "boss"}]


def test_it_says_that_none_is_left_for_us_and_what_to_type(cramped: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve, "SLOT_WITHIN_S", 0.2)
    settled(cramped, 0)
    fill(cramped)
    postgres = PostgresServer(url=cramped.url("sees_only"))

    found = look(cramped, postgres)

    assert found.verdict is Verdict.BAD
    assert found.value == 1.0
    assert found.says == (
        "All connection slots are taken, and none is kept for us, so we cannot see by whom. "
        f"{postgres.address} has no free connection slot."
    )
    assert 'GRANT pg_use_reserved_connections TO "sees_only"' in found.remedy
    for other in (check_role_connection_limits, check_database_connection_limits):
        with pytest.raises(NotConnected) as caught:
            other.fn(postgres)
        assert caught.value.reason is Reason.TOO_MANY_CLIENTS


def test_it_does_not_take_the_reserve_for_a_wrong_password(cramped: Stage) -> None:
    postgres = PostgresServer(url=cramped.url("reader", "wrong"), reserve_url=cramped.url("boss"))
    with pytest.raises(NotConnected, match="refuses the password of reader"):
        postgres.rows("SELECT 1")


def test_it_cannot_count_what_it_may_not_see(stage: Stage) -> None:
    found = check_connection_slots.fn(stage.door(reads="nobody_special"))
    assert found.verdict is Verdict.UNKNOWN
    assert found.remedy == "GRANT pg_monitor TO nobody_special;"


def test_it_counts_what_may_be_ended(stage: Stage) -> None:
    holds(stage, 2, "forgotten")
    assert check_connection_slots.fn(stage.door()).facts["idle_too_long_in_one_application"] == 0
    found = check_connection_slots.fn(stage.door(), idle=AT_ONCE)
    assert found.facts["idle_too_long_in_one_application"] == 2


HOSTILE = 'r\u00f6le "quoted"; DROP ROLE app; --' + "x" * 20


def test_it_judges_roles_by_their_own_limit(stage: Stage) -> None:
    assert check_role_connection_limits.fn(stage.door()).says == "No role has a connection limit of its own."
    stage.admin("ALTER ROLE app CONNECTION LIMIT 10; ALTER ROLE boss CONNECTION LIMIT 1")
    stage.admin("ALTER ROLE nobody_special CONNECTION LIMIT 0")
    try:
        for sessions, verdict in ((8, Verdict.OK), (1, Verdict.WARN), (1, Verdict.BAD)):
            holds(stage, sessions)
            holds(stage, 1, "boss", "boss")
            found = check_role_connection_limits.fn(stage.door())
            assert found.verdict is verdict
        assert found.says == (
            "The role app uses 10 of the 10 connections it is allowed (bad from 100%), 10 of them idle."
        )
        assert found.facts == {"limited": 1}
        refused = check_role_connection_limits.fn(stage.door(reads="app"))
        assert refused.verdict is Verdict.BAD
        assert "app has as many sessions as its connection limit allows" in refused.says
    finally:
        stage.stack.close()
        for role in ("app", "boss", "nobody_special"):
            stage.admin(f"ALTER ROLE {role} CONNECTION LIMIT -1")


def test_it_judges_databases_by_their_own_limit(stage: Stage) -> None:
    assert check_database_connection_limits.fn(stage.door()).verdict is Verdict.OK
    name = stage.admin("SELECT current_database()")[0][0]
    stage.admin(f"ALTER DATABASE {name} CONNECTION LIMIT 2")
    holds(stage, 2)

    # A superuser is let in all the same; the question itself is not counted.
    found = check_database_connection_limits.fn(stage.door(reads="boss"))
    assert found.verdict is Verdict.BAD
    assert found.says.startswith(f"The database {name} uses 2 of the 2 connections it is allowed")
    stage.admin(f"ALTER DATABASE {name} CONNECTION LIMIT 1")
    assert check_database_connection_limits.fn(stage.door()).says == (
        f"{stage.door().address}: {name} has as many sessions as its connection limit allows."
    )


def test_it_survives_hostile_names(stage18: Stage) -> None:
    quoted = HOSTILE.replace('"', '""')
    stage18.admin(f'CREATE ROLE "{quoted}" LOGIN CONNECTION LIMIT 3')
    try:
        found = check_role_connection_limits.fn(stage18.door())
        assert found.says.startswith(f"The role {HOSTILE} uses 0 of the 3")
    finally:
        stage18.admin(f'DROP ROLE "{quoted}"')
