"""Nobody is told to grant what a role has, or to look where an upgrade left something behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.model import Refused, Verdict
from tasks.postgres.indexes.drops import DropInvalidIndexes
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import PASSWORD, Stage
from tests.tasks.postgres.questions import QUESTIONS, ask, place


@pytest.fixture
def proud(stage: Stage) -> Iterator[Stage]:
    """A role that is a member of what it needs, and inherits nothing."""
    stage.admin(f"CREATE ROLE proud LOGIN NOINHERIT PASSWORD '{PASSWORD}'")
    stage.admin("GRANT pg_monitor, pg_signal_backend, app TO proud")
    yield stage
    stage.stack.close()
    stage.admin("DROP ROLE proud")


def test_a_member_that_does_not_inherit_is_told_to(proud: Stage) -> None:
    postgres = PostgresServer(url=proud.url("proud"))
    since_16 = proud.admin("SHOW server_version_num")[0][0] >= "160000"  # type: ignore[operator]

    lines = [finding.remedy for finding in postgres.examine()][1:]

    monitor, signals = (f"GRANT {role} TO proud WITH INHERIT TRUE;" for role in ("pg_monitor", "pg_signal_backend"))
    inherit = "ALTER ROLE proud INHERIT;"
    assert lines == ([monitor, f"{monitor}\n{signals}"] if since_16 else [inherit, inherit])
    # Typed, they help.
    for line in lines[1].splitlines():
        proud.admin(line)
    assert [finding.verdict for finding in postgres.examine()] == [Verdict.OK] * 3


def test_a_member_of_the_owner_that_does_not_inherit_is_told_to(proud: Stage) -> None:
    proud.admin("ALTER TABLE leads OWNER TO app; CREATE INDEX broken ON leads (status)")
    proud.admin("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass")
    postgres = proud.door(acts="proud")

    with pytest.raises(Refused) as caught:
        DropInvalidIndexes().plan(postgres)

    proud.admin(caught.value.remedy)
    assert DropInvalidIndexes().plan(postgres).commands


def test_an_extension_that_an_upgrade_left_behind_is_told_with_its_line(stage: Stage) -> None:
    stage.admin("CREATE EXTENSION pg_stat_statements VERSION '1.7'")
    postgres = stage.door()

    found = check_slow_statements.fn(postgres)

    database = stage.admin_url.rpartition("/")[2]
    assert found.verdict is Verdict.UNKNOWN
    assert found.says == (
        f"{postgres.address}: pg_stat_statements is 1.7 in the database {database}, as it was before an upgrade of the "
        "server."
    )
    line = "ALTER EXTENSION pg_stat_statements UPDATE;"
    assert found.remedy == f"As its owner or a superuser, in that database: {line}"
    assert all("SQLSTATE" not in ask(asked, place(postgres)).says for asked in QUESTIONS)
    stage.admin(line)
    assert check_slow_statements.fn(postgres).verdict is not Verdict.UNKNOWN
