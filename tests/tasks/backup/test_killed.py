"""What a killed process leaves: nothing half done counts, nothing stays behind, and nobody is in another one's way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tasks.backup import shelf
from tasks.backup.actions import MakeBackup
from tasks.backup.programs import connected
from tasks.model import CannotLook
from tests.tasks.backup.conftest import Kept
from tests.tasks.backup.making import instead
from tests.tasks.postgres.conftest import PASSWORD, until

KILLED = """
import sys, json
from tasks.backup.actions import MakeBackup
from tasks.backup.system import Backups
door = Backups(**json.loads(sys.argv[1]))
action = MakeBackup()
plan = action.plan(door)
print("planned", flush=True)
action.apply(door, plan)
"""


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_it_is_done_again_after_a_kill_at_any_point(kept18: Kept, tmp_path: Path, program: str) -> None:
    """Our process is killed while pg_dump, or pg_restore, works: nothing half done counts, and nothing stays behind."""
    door = kept18.door()
    slow = f'touch {tmp_path}/began; sleep 1; exec "$REAL" "$@"'
    bin_folder = instead(tmp_path / "bin", door, program, slow)
    given = {
        "url": door.url.get_secret_value(), "scratch_url": door.scratch_url.get_secret_value(),
        "folder": str(door.folder), "bin": str(bin_folder),
    }  # fmt: skip
    plan = MakeBackup().plan(door)
    process = subprocess.Popen([sys.executable, "-c", KILLED, json.dumps(given)], stdout=subprocess.DEVNULL)
    until(lambda: (tmp_path / "began").exists(), f"{program} begins")
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [one.proven_at for one in door.kept()] == ([] if program == "pg_dump" else [None])
    assert MakeBackup().applied(door, plan) is False
    written = [one.name for one in door.kept()]
    outcome = MakeBackup().apply(door, plan)
    assert outcome.complete
    assert MakeBackup().applied(door, plan) is True
    # What was written to its end is proven, and not written again.
    assert len(door.kept()) == 1
    assert written in ([], [door.kept()[0].name])
    assert kept18.scratched == []
    assert [p.name for p in kept18.folder.iterdir() if "partial" in p.name or p.name == ".scratch.json"] == []


def test_it_works_alone_in_its_folder(kept18: Kept) -> None:
    door = kept18.door()
    plan = MakeBackup().plan(door)
    with shelf.alone(door.folder):
        failed: list[CannotLook] = []

        def second() -> None:
            try:
                MakeBackup().apply(door, plan)
            except CannotLook as error:
                failed.append(error)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "is under way" in failed[0].says
    assert door.kept() == []


def test_it_removes_a_password_that_a_killed_run_left(kept18: Kept) -> None:
    door = kept18.door()
    door.folder.mkdir()
    with connected(door.url, door.folder) as environment:
        file = Path(environment["PGPASSFILE"])
        assert PASSWORD in file.read_text()
        with shelf.alone(door.folder):
            assert not file.exists()


def broken_off(folder: Path) -> Path:
    """Where a backup was written that came to no end."""
    with suppress(KeyboardInterrupt), shelf.writing(folder, "shop-20260101T020000Z") as place:
        raise KeyboardInterrupt
    return place


def test_an_orphan_that_still_writes_writes_into_nobody_elses_folder(tmp_path: Path) -> None:
    """A pg_dump whose parent was killed goes on for a moment, and the next run may begin in the same second."""
    assert broken_off(tmp_path) != broken_off(tmp_path)
    assert list(tmp_path.iterdir()) == []
