"""Killed at any point of a restore: what there was stays until all of the other is there, and a second try ends it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tasks.backup.recovery.actions import RestoreDatabase
from tests.tasks.backup.making import instead, made
from tests.tasks.backup.recovery.conftest import Losable
from tests.tasks.postgres.conftest import until

KILLED = """
import sys, json
from tasks.backup.recovery import restoring
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.system import Backups
given, point, reached = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]

def halt(*_):
    open(reached, "w").close()
    sys.stdin.read()

if point.startswith("before "):
    setattr(restoring, point.split()[1], halt)
door = Backups(**given)
action = RestoreDatabase()
plan = action.plan(door)
if point == "before rename":
    import tasks.backup.recovery.actions as actions
    actions.rename = halt
action.apply(door, plan)
"""
POINTS = ["before _mark", "before _fill", "in pg_restore", "before _compared", "before _prepare", "before rename"]


def killed(shop: Losable, folder: Path, point: str) -> None:
    """A process that is killed, with no chance to tidy up, when it has come to `point`."""
    reached, door = folder / "reached", shop.door()
    given = {
        "url": door.url.get_secret_value(), "scratch_url": door.scratch_url.get_secret_value(),
        "restore_url": door.restore_url.get_secret_value() if door.restore_url else "", "folder": str(door.folder),
        "senders_off": list(door.senders_off),
    }  # fmt: skip
    if point == "in pg_restore":
        given["bin"] = str(folder / "slow")
    argv = [sys.executable, "-c", KILLED, json.dumps(given), point, str(reached)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE)
    until(reached.exists, f"it comes to the point {point!r}")
    if point == "in pg_restore":
        time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdin
    process.stdin.close()


@pytest.mark.strict("Each is a backup, half a restore and a whole one; the first shows the manner.", keeps=1)
@pytest.mark.parametrize("gone", [True, False], ids=["gone", "there"])
@pytest.mark.parametrize("point", POINTS)
def test_it_is_ended_by_the_next_try(shop18: Losable, tmp_path: Path, point: str, gone: bool) -> None:
    door, action = shop18.door(), RestoreDatabase()
    assert made(door).complete
    slow = f'[ "$1" = --create ] && exec "$REAL" "$@"; touch {tmp_path}/reached; "$REAL" "$@" && sleep 30'
    instead(tmp_path / "slow", door, "pg_restore", slow)
    if gone:
        shop18.drop()
    plan = action.plan(door)
    killed(shop18, tmp_path, point)
    assert action.applied(door, plan) is False
    # As it was: gone, or with all that it had.
    assert (shop18.name in shop18.databases) is not gone
    # The same, by the same names: what was approved is what is gone on with.
    fresh = action.plan(door)
    assert fresh.effect == plan.effect
    outcome = action.apply(door, fresh)
    assert outcome.complete, outcome
    assert action.applied(door, plan) is True
    assert shop18.run("SELECT count(*) FROM leads") == [(300,)]
    assert shop18.databases == [shop18.name, *([] if gone else [f"{shop18.name}_lost_1"])]
    assert [p.name for p in shop18.folder.iterdir() if "partial" in p.name or p.name == ".restoring.json"] == []


def test_what_was_compared_is_not_restored_again(backed_up: Losable, tmp_path: Path) -> None:
    """Killed right before the swap: an hour's work is not done twice."""
    killed(backed_up, tmp_path, "before rename")
    refuses = '[ "$1" = --create ] && exec "$REAL" "$@"; echo "asked to restore again" >&2; exit 1'
    door = backed_up.door(bin=instead(tmp_path / "none", backed_up.door(), "pg_restore", refuses))
    assert RestoreDatabase().apply(door, RestoreDatabase().plan(door)).complete


@pytest.mark.parametrize("named", [lambda name: f"{name}_restored_1", lambda name: f"{name}_lost_1"])
def test_it_leaves_a_database_alone_that_it_did_not_make(backed_up: Losable, named: Callable[[str], str]) -> None:
    theirs = named(backed_up.name)
    backed_up.run(f"CREATE DATABASE {theirs}", "postgres")
    backed_up.run("CREATE TABLE theirs ()", theirs)
    door = backed_up.door()
    assert RestoreDatabase().apply(door, RestoreDatabase().plan(door)).complete
    assert backed_up.run("SELECT count(*) FROM pg_class WHERE relname = 'theirs'", theirs) == [(1,)]
    assert f"{backed_up.name}_lost_2" in backed_up.databases


def test_a_note_alone_makes_no_database_ours(backed_up: Losable) -> None:
    """Killed between the note and the database, and somebody makes one of that name: it is open, so it is theirs."""
    theirs = f"{backed_up.name}_restored_1"
    (backed_up.folder / ".restoring.json").write_text(f'{{"database": "{theirs}"}}')
    backed_up.run(f"CREATE DATABASE {theirs}", "postgres")
    plan = RestoreDatabase().plan(backed_up.door())
    assert plan.commands[0].target["beside"] == f"{backed_up.name}_restored_2"


def test_a_second_run_waits_for_nothing_half(backed_up: Losable) -> None:
    """A client that keeps the database busy does not make half a swap."""
    backed_up.run("TRUNCATE leads")
    door = backed_up.door()
    with psycopg.connect(backed_up.url("boss").get_secret_value()) as busy:
        busy.execute("SELECT 1 FROM twins FOR UPDATE")
        assert RestoreDatabase().apply(door, RestoreDatabase().plan(door)).complete
        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT 1")
    assert backed_up.run("SELECT count(*) FROM leads") == [(300,)]
