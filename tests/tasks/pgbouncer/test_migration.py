"""A team's migrations through a pooler: which takes no limit from us, so that the role needs its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.migration.actions import ApplyMigrations
from tasks.model import Refused
from tests.tasks.migration.conftest import Team, ready
from tests.tasks.pgbouncer.conftest import Pooled


@pytest.fixture
def team(pooled: Pooled, tmp_path: Path) -> Team:
    pooled.stage.stack.callback(pooled.stage.admin, "ALTER ROLE app RESET lock_timeout")
    team = ready(pooled.stage, tmp_path)
    team.executes("first", "ALTER TABLE leads ADD score int", "ALTER TABLE leads DROP score")
    return team


def test_where_it_stands_is_seen_through_it(team: Team, pooled: Pooled) -> None:
    tool = team.tool(url=pooled.url("app"))

    assert (tool.current_revision(), tool.newest_revision()) == ("base", "first")


def test_without_a_limit_it_is_refused_before_the_approval_with_the_line_that_helps(team: Team, pooled: Pooled) -> None:
    with pytest.raises(Refused) as caught:
        ApplyMigrations().plan(team.tool(url=pooled.url("app")))

    assert caught.value.says == (
        f"127.0.0.1:{pooled.port}/shop leads to a pooler, which takes no lock timeout from us: a migration that gets "
        "no lock would wait without end, and everybody behind it."
    )
    assert caught.value.remedy == (
        "Give the migration's url the server's own address, past the pooler, often port 5432. Or give its role the "
        "limit, and the pool new sessions (RECONNECT in its console): ALTER ROLE \"app\" SET lock_timeout = '0.3s';"
    )


def test_with_the_roles_own_limit_it_migrates(team: Team, pooled: Pooled) -> None:
    team.stage.admin("ALTER ROLE app SET lock_timeout = '0.3s'")
    tool = team.tool(url=pooled.url("app"))

    plan = ApplyMigrations().plan(tool)
    outcome = ApplyMigrations().apply(tool, plan)

    assert outcome.complete, outcome.says
    assert "score" in team.columns()
