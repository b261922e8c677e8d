"""What keeps dead rows from being removed is named, and only the session that does so is ended."""

from __future__ import annotations

import psycopg
import pytest

from tasks.model import Finding, Refused, Risk, Threshold, Verdict
from tasks.postgres.vacuum import holders
from tasks.postgres.vacuum.actions import EndVacuumHolders
from tasks.postgres.vacuum.checks import check_vacuum_held_back
from tests.tasks.postgres.conftest import Stage, until

NAME = '"We ""ird.%s"'
AT_ONCE = Threshold(warn=0.0001, bad=0.001, because="Owner: this test.")
DEAD = 12_000


@pytest.fixture(autouse=True)
def _notice_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "NOTICEABLE_S", 0.0)


def table(stage: Stage) -> Stage:
    """A table of DEAD rows, hostile by name; autovacuum stays away, so that a test decides when VACUUM comes."""
    stage.admin(f"CREATE TABLE {NAME} (n int, v int) WITH (autovacuum_enabled = off)")
    stage.admin(f"INSERT INTO {NAME} SELECT n, 0 FROM generate_series(1, {DEAD}) n")  # noqa: S608
    stage.admin(f"ANALYZE {NAME}")
    return stage


def dies(stage: Stage) -> None:
    """Every row dies once, and VACUUM comes."""
    stage.admin(f"UPDATE {NAME} SET v = v + 1")  # noqa: S608
    # A session reports what it did when it leaves: after VACUUM's own report these would be counted twice.
    until(lambda: stage.admin(f"SELECT 1 FROM pg_stat_user_tables WHERE n_dead_tup >= {DEAD}"), "deaths are counted")  # noqa: S608
    stage.admin(f"VACUUM {NAME}")
    until(lambda: stage.admin("SELECT 1 FROM pg_stat_user_tables WHERE last_vacuum IS NOT NULL"), "VACUUM is counted")


def ask(stage: Stage, limit: Threshold = AT_ONCE) -> Finding:
    return check_vacuum_held_back.fn(stage.door(), limit)


def name(stage: Stage) -> str:
    return str(stage.admin("SELECT current_database()")[0][0])


def reports(stage: Stage, name: str = "monthly-report", user: str = "app") -> int:
    """Somebody reads something else entirely, and forgets to end it."""
    session = stage.session(name, user)
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    session.execute("SELECT count(*) FROM leads")
    return session.info.backend_pid


def test_it_names_the_forgotten_report_and_counts_the_rows_it_keeps(stage: Stage) -> None:
    pid = reports(table(stage))
    dies(stage)

    found = ask(stage)

    assert found.verdict is Verdict.BAD
    # Each of the rows died exactly once.
    assert found.facts == {"dead": DEAD, "tables": 1}
    assert found.says.startswith('VACUUM cannot remove 12,000 dead rows (most of them in public.We "ird.%s): ')
    assert f"pid {pid} (monthly-report), idle in transaction, holds them for " in found.says
    assert found.rows[0]["pid"] == pid


def test_it_names_whoever_has_written_and_not_committed(stage: Stage) -> None:
    writer = table(stage).begins("importer", "UPDATE leads SET status = 'seen'")
    dies(stage)

    assert ask(stage).rows[0]["pid"] == writer.info.backend_pid


def test_it_raises_nothing_once_the_report_ends(stage: Stage) -> None:
    session = table(stage).session("monthly-report")
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    session.execute("SELECT count(*) FROM leads")
    dies(stage)
    session.execute("COMMIT")

    assert ask(stage).verdict is Verdict.OK


def test_it_raises_nothing_where_vacuum_has_not_come_yet(stage: Stage) -> None:
    reports(table(stage))
    stage.admin(f"UPDATE {NAME} SET v = v + 1")  # noqa: S608

    assert ask(stage).verdict is Verdict.OK


def test_it_raises_nothing_where_vacuum_removes_what_died(stage: Stage) -> None:
    table(stage)
    dies(stage)
    reports(stage)

    assert ask(stage).verdict is Verdict.OK


def test_it_knows_that_another_database_holds_nothing_back(stage: Stage) -> None:
    table(stage)
    elsewhere = stage.url("boss").get_secret_value().rpartition("/")[0] + "/postgres"
    with psycopg.connect(elsewhere, autocommit=True) as session:
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT 1")
        pid = reports(stage)
        dies(stage)

        # The other is older, and innocent.
        assert [row["pid"] for row in ask(stage).rows if "pid" in row] == [pid]
        plan = EndVacuumHolders(superusers=("boss",)).plan(stage.door(acts="boss"), AT_ONCE)
        assert [command.target["pid"] for command in plan.commands] == [pid]


def test_it_waits_for_the_limit(stage18: Stage) -> None:
    reports(table(stage18))
    dies(stage18)

    assert ask(stage18, Threshold(warn=600, bad=1800, because="Owner: this test.")).verdict is Verdict.OK


def test_it_names_a_prepared_transaction_and_how_it_is_ended(preparing: Stage) -> None:
    session = table(preparing).begins("importer", "UPDATE leads SET status = 'seen'")
    session.execute("PREPARE TRANSACTION 'Bob''s %s'")
    session.close()
    try:
        dies(preparing)
        found, plan = ask(preparing), EndVacuumHolders().plan(preparing.door(), AT_ONCE)
    finally:
        preparing.admin("ROLLBACK PREPARED 'Bob''s %s'")

    assert found.verdict is Verdict.BAD
    assert 'the prepared transaction "Bob\'s %s" of app holds them for ' in found.says
    assert plan.commands == ()
    assert plan.does.endswith(
        f"By hand, in the database {name(preparing)}: COMMIT PREPARED 'Bob''s %s'; if the whole was committed; if it "
        "was not: ROLLBACK PREPARED 'Bob''s %s';"
    )
    assert ask(preparing).verdict is Verdict.OK


def test_it_says_what_it_may_not_see(stage18: Stage) -> None:
    with pytest.raises(Refused) as refused:
        check_vacuum_held_back.fn(stage18.door("nobody_special"))
    assert refused.value.remedy == "GRANT pg_monitor TO nobody_special;"


def test_it_ends_exactly_the_session_that_holds(stage: Stage) -> None:
    pid = reports(table(stage))
    dies(stage)
    bystander = stage.session("web")
    late = stage.begins("late-report", "SELECT 1")
    action, door = EndVacuumHolders(), stage.door()
    plan = action.plan(door, AT_ONCE)
    assert action.applied(door, plan) is False
    # It moves no snapshot, and is planned the same a moment later.
    assert action.plan(door, AT_ONCE).effect == plan.effect

    outcome = action.apply(door, plan)

    assert [command.target["pid"] for command in plan.commands] == [pid]
    assert plan.risk is Risk.MODERATE
    assert plan.blast_radius.touched == 1
    assert "End pid" in plan.does
    assert "which has kept 12,000 dead rows for" in plan.does
    assert outcome.says == "1 session: 1 ended."
    assert action.applied(door, plan) is True
    bystander.execute("SELECT 1")
    late.execute("COMMIT")
    assert ask(stage).verdict is Verdict.OK


def test_it_frees_the_rows(stage: Stage) -> None:
    reports(table(stage))
    dies(stage)
    action, door = EndVacuumHolders(), stage.door()
    action.apply(door, action.plan(door, AT_ONCE))

    stage.admin(f"VACUUM {NAME}")

    until(
        lambda: stage.admin("SELECT n_dead_tup FROM pg_stat_user_tables ORDER BY 1 DESC")[0] == (0,), "rows are removed"
    )


@pytest.mark.parametrize(
    ("application", "user", "says"),
    [
        ("pg_dump", "app", " is a backup: let it finish."),
        ("psql", "boss", " belongs to the superuser boss: ask whoever runs it."),
    ],
)
def test_it_leaves_backups_and_superusers_alone(stage18: Stage, application: str, user: str, says: str) -> None:
    reports(table(stage18), application, user)
    dies(stage18)

    plan = EndVacuumHolders().plan(stage18.door(), AT_ONCE)

    assert plan.commands == ()
    assert plan.does.startswith("Nothing to end. Pid "), plan.does
    assert plan.does.endswith(says)


def test_it_ends_a_superusers_session_only_when_the_user_is_named(stage18: Stage) -> None:
    pid = reports(table(stage18), "psql", "boss")
    dies(stage18)

    plan = EndVacuumHolders(superusers=("boss",)).plan(stage18.door(acts="boss"), AT_ONCE)

    assert [command.target["pid"] for command in plan.commands] == [pid]


@pytest.mark.parametrize("acts", ["sees_only", "nobody_special"])
def test_it_refuses_a_step_that_nobody_could_take(stage18: Stage, acts: str) -> None:
    reports(table(stage18))
    dies(stage18)

    with pytest.raises(Refused) as refused:
        EndVacuumHolders().plan(stage18.door(acts=acts), AT_ONCE)
    assert f"GRANT pg_signal_backend TO {acts};" in refused.value.remedy


def test_it_needs_nothing_done_when_all_is_well(stage18: Stage) -> None:
    plan = EndVacuumHolders().plan(stage18.door(), AT_ONCE)

    assert plan.commands == ()
    assert plan.does == "Nothing to end: nothing has kept dead rows for 0.0001 s or longer."
