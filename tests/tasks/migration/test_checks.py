"""Before a migration: is it known where it leads, is there a backup, and is it the database we look at?"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tasks.migration.checks import (
    BACKUP_AGE,
    check_backup_before_migration,
    check_migrated_database,
    check_migrations_applied,
    check_migrations_known,
)
from tasks.model import Refused, Verdict
from tests.tasks.migration.conftest import Team


@pytest.mark.parametrize(
    ("hours", "verdict"),
    [(5.9, Verdict.OK), (6, Verdict.WARN), (25.9, Verdict.WARN), (26, Verdict.BAD)],
)
def test_it_knows_both_sides_of_the_backups_age(hours: float, verdict: Verdict) -> None:
    assert BACKUP_AGE.judge(hours * 3600) is verdict
    assert "Owner:" in BACKUP_AGE.because


@pytest.mark.strict("Starts the migration tool six times; test_actions asks where it stands as well.")
def test_it_knows_where_the_schema_stands(team: Team) -> None:
    team.executes("a1", "ALTER TABLE leads ADD score int", "SELECT 1")
    tool = team.tool()
    known, applied = check_migrations_known.fn(tool), check_migrations_applied.fn(tool)

    assert known.verdict is Verdict.OK
    assert known.says == f"{tool.database.address} stands at base; a1 is pending."
    assert applied.verdict is Verdict.BAD

    tool.migrate([*tool.apply[:-1], "a1"])
    assert check_migrations_known.fn(tool).says == f"{tool.database.address} stands at a1; nothing is pending."
    assert check_migrations_known.fn(tool).verdict is Verdict.WARN
    assert check_migrations_applied.fn(tool).verdict is Verdict.OK


def test_it_does_not_know_where_nothing_tells(team: Team) -> None:
    with pytest.raises(Refused, match="names no migration"):
        check_migrations_known.fn(team.tool())
    with pytest.raises(Refused, match="There is no program nowhere"):
        check_migrations_known.fn(team.tool(current=("nowhere",)))


def test_it_notices_that_two_urls_lead_to_two_databases(team: Team) -> None:
    elsewhere = team.stage.url("app").get_secret_value().rpartition("/")[0] + "/postgres"
    assert check_migrated_database.fn(team.stage.door(), team.tool()).verdict is Verdict.OK

    found = check_migrated_database.fn(team.stage.door(), team.tool(url=elsewhere))
    assert found.verdict is Verdict.BAD
    assert "lead to different databases" in found.says


def told(team: Team, text: str) -> tuple[Verdict, str]:
    found = check_backup_before_migration.fn(team.tool(backup_command=("echo", text)))
    return found.verdict, found.says


def test_it_reads_the_backups_time(team: Team) -> None:
    now = datetime.now(UTC)
    assert told(team, (now - timedelta(hours=3)).isoformat()) == (
        Verdict.OK,
        "The last backup ended 3 h ago (bad from 26 h).",
    )
    assert told(team, str(now.timestamp() - 7 * 3600))[0] is Verdict.WARN
    assert told(team, (now - timedelta(days=3)).isoformat())[0] is Verdict.BAD
    failed = check_backup_before_migration.fn(team.tool(backup_command=("false",)))
    assert failed.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("text", ["yesterday", "2026-11-21T02:00:00", ""])
def test_it_takes_no_guess_for_a_backup(team: Team, text: str) -> None:
    assert told(team, text)[0] is Verdict.UNKNOWN


def test_it_does_not_believe_in_tomorrows_backup(team: Team) -> None:
    assert told(team, str(time.time() + 7200))[1] == "The last backup ended 119 min in the future."


def test_it_takes_the_newest_file_that_holds_anything(team: Team, tmp_path: Path) -> None:
    for name, hours, text in (("old.dump", 30, "x"), ("new.dump", 2, "x"), ("failed.dump", 0, "")):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (time.time() - hours * 3600,) * 2)

    found = check_backup_before_migration.fn(team.tool(backup_files=f"{tmp_path}/*.dump"))
    assert found.says.startswith("The last backup ended 2 h ago")

    none = check_backup_before_migration.fn(team.tool(backup_files=f"{tmp_path}/*.none"))
    assert none.verdict is Verdict.UNKNOWN


def test_it_says_what_to_configure(team: Team) -> None:
    found = check_backup_before_migration.fn(team.tool())
    assert found.verdict is Verdict.UNKNOWN
    assert "backup_command" in found.remedy


def test_it_refuses_commands_that_go_nowhere_in_particular(team: Team) -> None:
    with pytest.raises(ValidationError, match="apply must name"):
        team.tool(apply=("alembic", "upgrade", "head"))
    with pytest.raises(ValidationError, match="exactly one group"):
        team.tool(revision_pattern=".*")
