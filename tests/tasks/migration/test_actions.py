"""A migration is applied, fails, waits for a lock, and is taken back; what became of the database is told exactly."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from tasks.migration import actions
from tasks.migration.actions import ApplyMigrations, MigrateBack
from tasks.model import BlastRadius, Outcome, Plan, Refused, Risk
from tests.tasks.migration.conftest import Team

SCORE = ("ALTER TABLE leads ADD score int", "ALTER TABLE leads DROP score")


A_FURTHER_MIGRATION = pytest.mark.strict(
    "The tool takes seconds to start. There and back, and a failure, are always tried."
)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PAUSE_S", 0.05)


def applied(team: Team, **changed: object) -> tuple[ApplyMigrations, Plan, Outcome]:
    action, tool = ApplyMigrations(), team.tool(**changed)
    plan = action.plan(tool)
    return action, plan, action.apply(tool, plan)


def pauses(monkeypatch: pytest.MonkeyPatch, does: Callable[[], object]) -> None:
    """What happens between two tries."""
    monkeypatch.setattr(actions, "time", SimpleNamespace(sleep=lambda _: does()))


def changes(outcome: Outcome) -> list[object]:
    return [row["changed"] for row in outcome.rows if "changed" in row]


def said(outcome: Outcome) -> str:
    return "\n".join(str(row.get("said", "")) for row in outcome.rows)


def both(request: pytest.FixtureRequest, name: str) -> Team:
    team: Team = request.getfixturevalue(name)
    return team


@pytest.mark.parametrize("name", ["team", "team15"])
def test_it_migrates_to_the_newest_and_back(request: pytest.FixtureRequest, name: str) -> None:
    team = both(request, name)
    team.executes("a1", *SCORE)
    team.executes("b2", "CREATE INDEX leads_score ON leads (score)", "DROP INDEX leads_score")
    action, tool = ApplyMigrations(), team.tool()
    plan = action.plan(tool)

    assert plan.does == f"Migrate {tool.database.address} from base to b2."
    assert plan.commands[0].line.endswith("upgrade b2")
    assert plan.risk is Risk.HIGH
    assert plan.blast_radius == BlastRadius(touched=1, total=1, noun="databases")
    assert action.applied(tool, plan) is False

    outcome = action.apply(tool, plan)

    assert outcome.complete
    assert outcome.says.startswith(f"{tool.database.address} stands at b2 now")
    assert [c for c in changes(outcome) if "alembic_version" not in str(c)] == [
        "+ column public.leads.score",
        "+ index public.leads_score",
    ]
    assert "Running upgrade a1 -> b2" in said(outcome)
    assert action.applied(tool, plan) is True
    assert action.plan(tool).commands == ()

    undo = action.undo(plan, outcome)
    back = undo.plan(tool)
    assert back.does == f"Migrate {tool.database.address} from b2 to base."
    assert undo.apply(tool, back).complete
    assert undo.applied(tool, back) is True
    assert "score" not in team.columns()


@A_FURTHER_MIGRATION
def test_it_does_no_more_than_was_approved(team: Team) -> None:
    """A migration that arrives between the approval and the act is not applied along with the others."""
    team.executes("a1", *SCORE)
    action, tool = ApplyMigrations(), team.tool()
    plan = action.plan(tool)
    team.executes("b2", "DROP TABLE leads", "SELECT 1")

    assert action.apply(tool, plan).complete
    assert tool.current_revision() == "a1"
    assert action.plan(tool).exceeds(plan)


def test_it_runs_nothing_when_somebody_migrated_since(team: Team) -> None:
    team.executes("a1", *SCORE)
    team.executes("b2", "ALTER TABLE leads ADD other int", "SELECT 1")
    action, tool = ApplyMigrations(), team.tool()
    plan = action.plan(tool)
    tool.migrate([*tool.apply[:-1], "a1"])

    with pytest.raises(Refused, match="stands at a1, and not at base as when it was approved"):
        action.apply(tool, plan)
    assert "other" not in team.columns()


def test_it_says_that_nothing_was_changed_by_a_failed_migration(team: Team) -> None:
    team.writes("a1", "op.execute('ALTER TABLE leads ADD score int'); op.execute('SELECT 1/0')")
    _, _, outcome = applied(team)

    assert not outcome.complete
    assert "failed with exit code 1" in outcome.says
    assert outcome.says.endswith(
        "Nothing was changed: it stands at base as before, and every object of the schema is as it was."
    )
    assert changes(outcome) == []
    assert "division by zero" in said(outcome)


@A_FURTHER_MIGRATION
def test_it_says_how_far_it_came(team: Team) -> None:
    team.executes("a1", *SCORE)
    team.writes("b2", "op.execute('SELECT 1/0')")
    _, plan, outcome = applied(team)

    assert "Part of the way: it stands at a1, on the way from base to b2;" in outcome.says
    assert "+ column public.leads.score" in changes(outcome)

    # It stands where we left it, and that is no sign of somebody else's work.
    tool = team.tool()
    back = ApplyMigrations().undo(plan, outcome).plan(tool)
    assert back.does == f"Migrate {tool.database.address} from a1 to base."
    assert back.commands[0].line.endswith("downgrade base")

    blind = Outcome(says="Nobody could tell.", complete=False)
    back = ApplyMigrations().undo(plan, blind).plan(tool)
    assert back.does.endswith("a1 is neither base nor b2: look first whether somebody else migrated.")


@A_FURTHER_MIGRATION
def test_it_says_what_a_migration_half_did(team: Team) -> None:
    """Outside a transaction a failed CREATE INDEX CONCURRENTLY leaves its index behind, and the tool says nothing."""
    team.stage.admin("INSERT INTO leads (status) VALUES ('new'), ('new')")
    team.writes(
        "a1",
        "with op.get_context().autocommit_block():\n"
        "        op.execute('CREATE UNIQUE INDEX CONCURRENTLY half ON leads (status)')",
    )
    _, _, outcome = applied(team)

    assert not outcome.complete
    assert "Half done: it stands at base as before, yet" in outcome.says
    assert "+ index public.half" in changes(outcome)


@A_FURTHER_MIGRATION
def test_it_waits_for_no_lock_and_holds_nobody_up(team: Team) -> None:
    team.executes("a1", *SCORE)
    team.stage.begins("report", "SELECT count(*) FROM leads")
    _, _, outcome = applied(team)

    assert not outcome.complete
    assert "It did not get a lock within 0.3 s, 3 times, and gave up so that nobody waits behind it" in outcome.says
    assert "Nothing was changed" in outcome.says
    assert "score" not in team.columns()
    assert team.stage.admin("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]


@A_FURTHER_MIGRATION
def test_it_tries_again_where_only_a_lock_did_not_come(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.executes("a1", *SCORE)
    report = team.stage.begins("report", "SELECT count(*) FROM leads")
    # The report ends while we pause.
    pauses(monkeypatch, lambda: report.execute("ROLLBACK"))
    _, _, outcome = applied(team)

    assert outcome.complete
    assert "score" in team.columns()


@A_FURTHER_MIGRATION
def test_it_does_not_run_a_failed_migration_again(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.writes("a1", "op.execute(\"INSERT INTO leads (email) VALUES ('lead1')\")")
    pauses(monkeypatch, lambda: pytest.fail("it tried again"))

    _, _, outcome = applied(team)
    assert "Nothing was changed" in outcome.says


@A_FURTHER_MIGRATION
def test_it_says_when_the_server_still_works(team: Team) -> None:
    team.writes("a1", "op.execute('SELECT pg_sleep(20)')")
    _, _, outcome = applied(team, apply_limit_s=3)

    assert "did not end within 3 s and was ended" in outcome.says
    assert "Nothing was changed" in outcome.says
    # Postgres notices only at its next answer that nobody listens.
    assert "The server still works for it (pid" in outcome.says


def test_it_never_shows_the_url(team: Team) -> None:
    team.writes("a1", "import os; print(os.environ['DATABASE_URL']); print(os.environ['TOKEN']); raise SystemExit(3)")
    _, plan, outcome = applied(team, variables={"TOKEN": SecretStr("tok-12345")})

    shown = f"{outcome} {plan} {team.tool()!r}"
    assert "correct-horse" not in shown
    assert "tok-12345" not in shown
    assert "***" in said(outcome)


def test_it_gives_the_command_no_other_secret(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "not-for-you")
    team.writes("a1", "import os; print('sees', 'PREFECT_API_KEY' in os.environ)")
    _, _, outcome = applied(team)
    assert "sees False" in said(outcome)


def test_it_refuses_a_way_back_that_nobody_configured(team: Team) -> None:
    team.executes("a1", *SCORE)
    with pytest.raises(Refused, match="No command is configured that migrates back"):
        MigrateBack(to="base", left="a1").plan(team.tool(back=()))


def test_it_refuses_two_heads(team: Team) -> None:
    team.executes("a1", *SCORE)
    team.last = None
    team.executes("b2", *SCORE)
    with pytest.raises(Refused, match="names several revisions: a1, b2"):
        ApplyMigrations().plan(team.tool())


@pytest.mark.parametrize("revision", ["--sql", "-rf", "a b", "../x"])
def test_it_takes_no_option_for_a_revision(team: Team, revision: str) -> None:
    team.executes("a1", *SCORE)
    with pytest.raises(Refused, match="no revision a command line may hold"):
        ApplyMigrations().plan(team.tool(current=("echo", "a1"), newest=("echo", revision), revision_pattern="^(.*)$"))
