"""A backup of D1 counts once it was restored and compared: each way an export has been seen to lie is found."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deployments.lab import platform as lab
from tasks.d1 import proof, shelf
from tasks.d1.actions import BackUpD1
from tasks.d1.checks import check_d1_backup
from tasks.d1.system import D1
from tasks.model import Refused, Verdict
from tests.tasks.platform.conftest import Standing

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN
SCHEMA = """
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE prospects (
    id INTEGER PRIMARY KEY, company INTEGER REFERENCES companies (id), big INTEGER, note TEXT, "a ""b" BLOB);
INSERT INTO companies VALUES (1, 'Ada & Co'), (2, 'Grace GmbH');
INSERT INTO prospects VALUES (1, 1, 9007199254740993, 'C:\\new' || char(10) || 'line', x'00ff'), (2, 2, -3, NULL, NULL);
"""


@pytest.fixture(autouse=True)
def filled(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.d1.system.POLL_S", 0.01)
    with closing(sqlite3.connect(standing.folder / lab.D1)) as session:
        session.executescript(SCHEMA)


@pytest.fixture
def kept(d1: D1, tmp_path: Path) -> D1:
    folder = tmp_path / "backups"
    folder.mkdir()
    return d1.model_copy(update={"backups": folder})


def lying(monkeypatch: pytest.MonkeyPatch, *changes: tuple[str, str]) -> None:
    """An export that is otherwise than the database."""
    dump = lab._dump

    def changed(platforms: lab.Platforms) -> str:
        told = dump(platforms)
        for before, after in changes:
            assert before in told
            told = told.replace(before, after)
        return told

    monkeypatch.setattr(lab, "_dump", changed)


def test_a_backup_is_restored_compared_and_kept(kept: D1, standing: Standing) -> None:
    assert check_d1_backup.fn(kept).verdict is BAD
    action = BackUpD1()
    plan = action.plan(kept)
    assert "2 tables with 4 rows" in plan.does
    assert action.applied(kept, plan) is False
    outcome = action.apply(kept, plan)
    assert outcome.complete, outcome.says
    assert action.applied(kept, plan) is True
    told = check_d1_backup.fn(kept)
    assert told.verdict is OK
    assert told.says.endswith("2 tables, 4 rows.")
    file = shelf.file_of(kept.shelf(), datetime.now(UTC).date())
    assert file.stat().st_mode & 0o077 == 0
    # Once a day.
    assert action.plan(kept).commands == ()


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        # Rounded, as a JSON number would be.
        ([("9007199254740993", "9007199254740992")], "prospects differs: its integers are others"),
        # A backslash and an n become the line break that they look like.
        ([("C:\\new", "C:\new")], "prospects differs: "),
        ([('INSERT INTO "prospects" VALUES(2,2,-3,NULL,NULL);', "")], "prospects differs: 1 of 2 rows"),
        ([("'Ada & Co'", "'Ada'")], "companies differs: "),
        ([("CREATE TABLE companies", "CREATE TABLE other")], "cannot be restored"),
        ([("INSERT INTO \"companies\" VALUES(2,'Grace GmbH');", "")], "have no parent"),
    ],
)
def test_an_export_that_lies_is_no_backup(
    kept: D1, monkeypatch: pytest.MonkeyPatch, changes: list[tuple[str, str]], wrong: str
) -> None:
    plan = BackUpD1().plan(kept)
    lying(monkeypatch, *changes)
    outcome = BackUpD1().apply(kept, plan)
    assert not outcome.complete
    assert wrong in outcome.says
    # For whoever looks into it.
    assert list(kept.shelf().glob("*.no-backup"))
    assert check_d1_backup.fn(kept).verdict is BAD
    assert BackUpD1().applied(kept, plan) is False


def test_the_31_bytes_of_an_empty_database_are_none(kept: D1, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wrangler d1 export` without --remote: the empty local database, "Done!", exit code 0."""
    plan = BackUpD1().plan(kept)
    monkeypatch.setattr(lab, "_dump", lambda _: "PRAGMA defer_foreign_keys=TRUE;")
    outcome = BackUpD1().apply(kept, plan)
    assert not outcome.complete
    assert "companies is missing; prospects is missing" in outcome.says


def test_child_rows_may_come_before_their_parents(tmp_path: Path) -> None:
    sql = """PRAGMA defer_foreign_keys=TRUE;
    CREATE TABLE child (id INTEGER, parent INTEGER REFERENCES parent (id));
    INSERT INTO child VALUES (1, 7);
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    INSERT INTO parent VALUES (7);"""
    assert proof.restored(sql.encode(), tmp_path / "x")["child"].rows == 1


@pytest.mark.parametrize(
    "sql",
    [
        "ATTACH '{file}' AS other; CREATE TABLE other.t (a);",
        "PRAGMA writable_schema=ON;",
        "VACUUM INTO '{file}';",
        "\udcff",
    ],
)
def test_a_restore_touches_nothing_but_its_file(tmp_path: Path, sql: str) -> None:
    file = tmp_path / "elsewhere"
    with pytest.raises(Refused, match="cannot be restored"):
        proof.restored(sql.format(file=file).encode("utf-8", "surrogateescape"), tmp_path / "x")
    assert not file.exists()


def test_a_restore_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "RESTORE_WITHIN_S", 0.1)
    endless = b"CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n;"
    with pytest.raises(Refused, match="interrupted"):
        proof.restored(endless, tmp_path / "x")


def test_what_was_written_meanwhile_may_lie_between() -> None:
    def has(rows: int, length: int = 0) -> proof.Contents:
        return proof.Contents(rows=rows, bytes=length, remainders=0)

    before, after = {"a": has(10, 5), "b": has(1)}, {"a": has(12, 7), "b": has(1)}
    for there in (10, 11, 12):
        assert proof.differences(before, {"a": has(there, 6), "b": has(1)}, after) == []
    assert proof.differences(before, {"a": has(13), "b": has(1)}, after) == ["a has 13 rows, and had 10 and then 12"]
    assert proof.differences(before, {"b": has(1, 1)}, after) == [
        "a is missing",
        "b differs: 1 bytes of text, and there were 0",
    ]


def test_a_wide_table_is_measured_in_three_columns(tmp_path: Path) -> None:
    columns = ", ".join(f"c{n} INTEGER" for n in range(100))
    sql = "; ".join(["CREATE TABLE wide (" + columns + ")", "INSERT INTO wide (c99) VALUES (2000007);"])
    assert proof.restored(sql.encode(), tmp_path / "x")["wide"] == proof.Contents(rows=1, bytes=0, remainders=1)


@pytest.mark.parametrize(("days", "verdict"), [(1, OK), (2, WARN), (3, BAD)])
def test_it_judges_how_old_the_backup_is(kept: D1, days: int, verdict: Verdict) -> None:
    day = datetime.now(UTC).date() - timedelta(days=days)
    shelf.put(kept.shelf(), day, b"x", {"t": 1})
    assert check_d1_backup.fn(kept).verdict is verdict


def test_a_file_that_was_changed_is_no_backup(kept: D1) -> None:
    day = datetime.now(UTC).date()
    shelf.put(kept.shelf(), day, b"x", {"t": 1})
    shelf.file_of(kept.shelf(), day).write_bytes(b"y")
    told = check_d1_backup.fn(kept)
    assert (told.verdict, "not as it was written" in told.says) == (BAD, True)
    # Killed before it was proven: a file alone is none.
    shelf.file_of(kept.shelf(), day).with_suffix(".json").unlink()
    assert "There is no proven backup" in check_d1_backup.fn(kept).says


def test_without_a_folder_it_says_what_to_add(d1: D1) -> None:
    with pytest.raises(Refused) as refused:
        check_d1_backup.fn(d1)
    assert 'backups = "/var/backups/d1"' in refused.value.remedy
