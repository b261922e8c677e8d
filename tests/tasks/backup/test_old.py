"""Which backups go: never the last good one, never more than was seen, and nothing that is not a backup."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.backup import shelf
from tasks.backup.actions import RemoveOldBackups
from tasks.backup.checks import check_backup_room, check_old_backups
from tasks.backup.retention import old
from tasks.backup.system import Backups
from tasks.model import Refused, Risk, Verdict

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
# Nothing here is asked of a server.
URL = SecretStr("postgresql://nobody@127.0.0.1:1/app")


@pytest.fixture
def door(tmp_path: Path) -> Backups:
    return Backups(url=URL, scratch_url=URL, folder=tmp_path, keep_daily=3, keep_weekly=2, keep_monthly=2)


def lay(door: Backups, days: float, proven: bool = True, source: str = "127.0.0.1:1/app") -> str:
    """A backup `days` old, as it lies in the folder."""
    at = NOON - timedelta(days=days)
    place = door.folder / shelf.name_for("app", at)
    place.mkdir()
    for name in (shelf.DUMP, shelf.GLOBALS, shelf.HOW):
        (place / name).write_text(f"{name} of {at}")
    content = {"tables": {"public.t": [1, "1"]}, "large_objects": [0, "0"], "sequences": {}, "owners": {}}
    told = {"format": 1, "source": source, "at": at.isoformat(), "content": content, "files": shelf.described(place)}
    (place / shelf.MANIFEST).write_text(json.dumps(told))
    if proven:
        proof = {"manifest": shelf.hash_of(place / shelf.MANIFEST), "at": at.isoformat()}
        (place / shelf.PROOF).write_text(json.dumps(proof))
    return place.name


def ages(door: Backups) -> list[int]:
    return [(NOON - one.at).days for one in door.kept()]


def test_it_keeps_days_weeks_and_months(door: Backups) -> None:
    """The newest of 3 days, of 2 ISO weeks (today is a Sunday) and of 2 months."""
    for day in range(70):
        lay(door, day)
    RemoveOldBackups().apply(door, RemoveOldBackups().plan(door))
    assert ages(door) == [0, 1, 2, 7, 29]


def test_it_keeps_the_newest_of_a_day(door: Backups) -> None:
    for hours in (0, 2, 4):
        lay(door, hours / 24)
    plan = RemoveOldBackups().plan(door)
    assert plan.blast_radius.touched == 2
    assert plan.risk is Risk.LOW
    assert check_old_backups.fn(door).verdict is Verdict.WARN
    RemoveOldBackups().apply(door, plan)
    assert [one.at for one in door.kept()] == [NOON]
    assert RemoveOldBackups().applied(door, plan) is True
    assert check_old_backups.fn(door).verdict is Verdict.OK


def test_it_keeps_the_last_proven_one_however_many_came_after_it(door: Backups) -> None:
    good = lay(door, 300)
    for day in range(20):
        lay(door, day, proven=False)
    assert old(door) == []
    assert good in [one.name for one in door.kept()]


def test_it_removes_what_was_never_proven_and_is_older_than_what_is(door: Backups) -> None:
    lay(door, 0)
    lay(door, 1, proven=False)
    lay(door, 200)
    RemoveOldBackups().apply(door, RemoveOldBackups().plan(door))
    # After a pause of 200 days the old one is all there is of another day, and stays.
    assert ages(door) == [0, 200]


def test_it_keeps_what_differs_for_whoever_looks_why(door: Backups) -> None:
    lay(door, 0)
    name = lay(door, 100)
    shelf.set_apart(next(one for one in door.kept() if one.name == name))
    assert old(door) == []


def test_it_removes_nothing_while_the_newest_proven_one_is_no_good(door: Backups) -> None:
    newest = lay(door, 0)
    lay(door, 0.1)
    plan = RemoveOldBackups().plan(door)
    (door.folder / newest / shelf.DUMP).write_text("rotten")
    with pytest.raises(
        Refused, match=r"Nothing is removed: the newest proven backup is no good .*database\.dump is not"
    ):
        RemoveOldBackups().apply(door, plan)
    assert len(door.kept()) == 2


def test_it_keeps_what_is_needed_by_now_although_its_removal_was_approved(door: Backups) -> None:
    newest = lay(door, 0)
    older = lay(door, 0.1)
    plan = RemoveOldBackups().plan(door)
    shelf.set_apart(next(one for one in door.kept() if one.name == newest))
    outcome = RemoveOldBackups().apply(door, plan)
    assert older in [one.name for one in door.kept()]
    assert outcome.not_done == [plan.commands[0].target]


def test_it_removes_only_what_was_approved(door: Backups) -> None:
    lay(door, 0)
    lay(door, 0.1)
    plan = RemoveOldBackups().plan(door)
    lay(door, 0.2)
    RemoveOldBackups().apply(door, plan)
    assert len(door.kept()) == 2


def test_it_asks_a_person_about_more_than_a_weeks_work(door: Backups) -> None:
    for hour in range(9):
        lay(door, hour / 24)
    assert RemoveOldBackups().plan(door).risk is Risk.HIGH


def test_it_touches_nothing_that_is_not_a_backup_of_this_database(door: Backups) -> None:
    lay(door, 0)
    other = lay(door, 400, source="elsewhere:5432/app")
    (door.folder / "notes").mkdir()
    (door.folder / "notes" / "manifest.json").write_text('{"format": 1, "source": "127.0.0.1:1/app", "at": "now"}')
    (door.folder / "evil").mkdir()
    (door.folder / "evil" / "manifest.json").write_text(
        json.dumps({"format": 1, "source": "127.0.0.1:1/app", "at": NOON.isoformat(), "files": [{"file": "../../x"}]})
    )
    RemoveOldBackups().apply(door, plan) if (plan := RemoveOldBackups().plan(door)).commands else None
    assert len(door.kept()) == 1
    assert {path.name for path in door.folder.iterdir()} >= {"notes", "evil", other}


def test_it_says_whether_there_is_room(door: Backups, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(door, 0)
    needed = 1.2 * door.kept()[0].bytes
    for room, verdict in ((3.1, Verdict.OK), (2.9, Verdict.WARN), (1.1, Verdict.WARN), (0.9, Verdict.BAD)):
        monkeypatch.setattr("tasks.backup.checks.free_bytes", lambda _, free=room * needed: free)
        assert check_backup_room.fn(door).verdict is verdict


def test_it_sees_the_room_of_a_folder_that_is_not_there_yet(door: Backups) -> None:
    lay(door, 0)
    assert "room for 1000" in check_backup_room.fn(door).says
