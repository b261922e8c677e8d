"""What is lost, what it can be brought back from, and how much of it that is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tasks.backup import shelf
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.recovery.checks import check_database_there, check_restorable_backup, check_tables_there
from tasks.model import CannotLook, Earlier, Finding, Refused, Verdict
from tests.tasks.backup.making import made
from tests.tasks.backup.recovery.conftest import Losable
from tests.tasks.backup.recovery.moments import moved


def earlier(found: Finding) -> Earlier:
    return Earlier(at_s=time.time(), value=found.value or 0.0, facts=found.facts)


def test_it_tells_a_lost_database_from_one_that_is_there(shop: Losable) -> None:
    door = shop.door()
    assert made(door).complete
    shop.run("ANALYZE")
    well = check_database_there.fn(door)
    assert well.verdict is Verdict.OK
    assert well.says.startswith(f"{door.address} is there with 7 tables and about 8")
    shop.drop()
    lost = check_database_there.fn(door, earlier=earlier(well))
    assert lost.verdict is Verdict.BAD
    assert lost.says.startswith(f"There is no database {door.address}. It was last seen at ")
    assert f"Going back to {door.kept()[0].name} loses " in lost.says
    # What was known of it is handed on from look to look.
    again = check_database_there.fn(door, earlier=earlier(lost))
    assert again.facts == lost.facts == well.facts
    assert RestoreDatabase().apply(door, RestoreDatabase().plan(door)).complete
    back = check_database_there.fn(door, earlier=earlier(again))
    assert back.verdict is Verdict.OK
    assert f"It was restored from {door.kept()[0].name}: what was written after that is not in it." in back.says


def test_a_schema_that_was_dropped_is_a_lost_database(backed_up: Losable) -> None:
    backed_up.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    found = check_database_there.fn(backed_up.door())
    assert found.verdict is Verdict.BAD
    assert "6 of 7 tables of" in found.says


def test_one_table_that_is_gone_is_no_lost_database(backed_up: Losable) -> None:
    backed_up.run("DROP TABLE leads")
    door = backed_up.door()
    found = check_database_there.fn(door)
    assert found.verdict is Verdict.WARN
    assert f", public.leads gone since {door.kept()[0].name}" in found.says
    gone = check_tables_there.fn(door)
    assert gone.verdict is Verdict.BAD
    assert "1 table of 2 lost rows" in gone.says
    assert "above all public.leads: 0% are left (bad up to 10%)" in gone.says


@pytest.mark.parametrize(
    ("left", "verdict"),
    [(299, Verdict.OK), (151, Verdict.OK), (150, Verdict.WARN), (31, Verdict.WARN), (30, Verdict.BAD)],
)
def test_it_counts_what_is_left_of_a_table(backed_up: Losable, left: int, verdict: Verdict) -> None:
    backed_up.run(f"DELETE FROM leads WHERE id > {left}")  # noqa: S608
    assert check_tables_there.fn(backed_up.door()).verdict is verdict


def test_a_server_that_does_not_answer_is_no_lost_database(backed_up: Losable) -> None:
    door = backed_up.door(url="postgresql://boss:x@127.0.0.1:1/shop")
    with pytest.raises(CannotLook, match=r"(?i)nothing listens|refused"):
        check_database_there.fn(door)


def test_it_says_how_much_would_be_lost(backed_up: Losable) -> None:
    """In minutes, and in rows by what came between the last two backups."""
    door = backed_up.door()
    [first] = door.kept()
    moved(first, datetime.now(UTC) - timedelta(hours=27))
    backed_up.run("INSERT INTO twins SELECT 'more' FROM generate_series(1, 40)")
    time.sleep(1)
    assert made(door).complete
    newest = door.kept()[0]
    moved(newest, datetime.now(UTC) - timedelta(hours=3))
    found = check_restorable_backup.fn(door)
    assert found.verdict is Verdict.OK
    assert "What was written since would be lost: 3 h of writing, about 5 rows." in found.says
    assert found.facts["backup"] == newest.name


def test_an_old_one_warns_and_none_is_bad(backed_up: Losable) -> None:
    door = backed_up.door()
    [one] = door.kept()
    moved(one, datetime.now(UTC) - timedelta(days=3))
    assert check_restorable_backup.fn(door).verdict is Verdict.WARN
    (one.place / shelf.DUMP).write_bytes(b"cut off")
    found = check_restorable_backup.fn(door)
    assert found.verdict is Verdict.BAD
    assert "There is no proven backup of" in found.says
    assert "database.dump is not what was written" in found.says


def test_it_tries_what_keeps_senders_off_before_the_day(backed_up: Losable) -> None:
    wrong = "UPDATE public.settings SET stop = 'true'"
    found = check_restorable_backup.fn(backed_up.door(senders_off=(wrong,)))
    assert found.verdict is Verdict.WARN
    assert "a statement of senders_off does not fit" in found.says
    assert backed_up.run("SELECT value FROM settings") == [("false",)]
    assert "restore_url" in check_restorable_backup.fn(backed_up.door(restore_url=None)).remedy


def test_without_a_proven_backup_nothing_is_held_against_it(shop18: Losable) -> None:
    door = shop18.door()
    assert check_database_there.fn(door).verdict is Verdict.OK
    with pytest.raises(Refused, match="There is no proven backup"):
        check_tables_there.fn(door)
    shop18.drop()
    assert "There is no proven backup." in check_database_there.fn(door).says
    with pytest.raises(psycopg.OperationalError):
        shop18.run("SELECT 1")
    shop18.run(f"CREATE DATABASE {shop18.name}", "postgres")
