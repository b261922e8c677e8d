"""Is a lost database brought back as it was, beside what there is, and swapped in only once it is equal?"""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tasks.backup import shelf
from tasks.backup.recovery.actions import RestoreDatabase, SwapBack
from tasks.backup.system import Backups
from tasks.model import Outcome, Plan, Refused
from tests.tasks.backup.making import instead, made, real
from tests.tasks.backup.recovery.conftest import OFF, Losable
from tests.tasks.backup.recovery.moments import moved
from tests.tasks.postgres.conftest import PASSWORD

RESTORE = RestoreDatabase()


def restored(door: Backups) -> tuple[Plan, Outcome]:
    plan = RESTORE.plan(door)
    return plan, RESTORE.apply(door, plan)


def test_it_brings_back_what_was_dropped(shop: Losable) -> None:
    """4-7: owners, grants, sequences and extensions, and what belongs to the database itself."""
    door = shop.door()
    assert made(door).complete
    next_id = shop.run("SELECT last_value FROM leads_id_seq")
    shop.drop()
    plan, outcome = restored(door)
    assert outcome.complete, outcome
    assert RESTORE.applied(door, plan) is True
    assert f"{shop.name} is back from {door.kept()[0].name}: 824 rows of 7 tables, equal" in outcome.says
    assert "What was written in the 1 minute after" in outcome.says
    assert shop.databases == [shop.name]
    assert shop.run("SELECT count(*) FROM leads", user="app") == [(300,)]
    assert shop.run("SELECT last_value FROM leads_id_seq") == next_id
    assert shop.run("SELECT count(*) FROM pg_extension WHERE extname = 'pgstattuple'") == [(1,)]
    assert shop.run(
        "SELECT pg_get_userbyid(datdba), datconnlimit, (SELECT array_agg(one::text ORDER BY one::text) FROM "
        "unnest(datacl) one) FROM pg_database WHERE datname = current_database()"
    ) == [("app", 33, ["=T/app", "app=CTc/app", "reader=c/app"])]
    assert shop.run("SHOW search_path") == [("public, archive",)]
    # A planner without statistics has the worst of plans.
    assert shop.run("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'leads'") == [(True,)]
    assert {row["table"]: row["rows"] for row in outcome.rows}["public.leads"] == 300


def test_it_keeps_senders_off(backed_up: Losable) -> None:
    """3-3: the queue in it is as it was, and 200 of 200 mails that were sent since would go out again."""
    backed_up.drop()
    plan, outcome = restored(backed_up.door())
    assert OFF + ";" in [command.line for command in plan.commands]
    assert backed_up.run("SELECT value FROM settings") == [("true",)]
    assert "1 statement keeps senders off." in outcome.says


def test_it_says_where_nothing_keeps_senders_off(backed_up: Losable) -> None:
    assert "Nothing in it keeps senders off" in RESTORE.plan(backed_up.door(senders_off=())).does
    assert "Nothing in it keeps senders off" not in RESTORE.plan(backed_up.door()).does


def test_it_lets_nobody_in_before_it_is_equal(backed_up: Losable, tmp_path: Path) -> None:
    """Nobody works off the queue in there, whoever may log in."""
    worked = tmp_path / "worked"
    work = (
        f"PGUSER=app PGPASSFILE= PGPASSWORD={PASSWORD} {real(backed_up.door())}/psql -d ${{1#--dbname=}} -c 'SELECT 1'"
    )
    script = f'"$REAL" "$@" || exit 1\n[ "$1" = --create ] || {work} > {worked} 2>&1\nexit 0'
    door = backed_up.door(bin=instead(tmp_path / "bin", backed_up.door(), "pg_restore", script))
    backed_up.drop()
    assert restored(door)[1].complete
    assert "too many connections for database" in worked.read_text()


def test_it_says_exactly_what_it_will_do(backed_up: Losable) -> None:
    door = backed_up.door()
    [one] = door.kept()
    plan = RESTORE.plan(door)
    lines = [command.line for command in plan.commands]
    beside, lost = f"{backed_up.name}_restored_1", f"{backed_up.name}_lost_1"
    assert lines[0].startswith(f'CREATE DATABASE "{beside}" TEMPLATE template0 ')
    assert f"pg_restore --dbname={beside} --jobs=4 --exit-on-error" in lines[1]
    assert lines[1].endswith(str(one.place / shelf.DUMP))
    assert one.sha256 in lines[2]
    assert lines[-6:] == [
        "BEGIN;",
        f'ALTER DATABASE "{backed_up.name}" RENAME TO "{lost}";',
        f'ALTER DATABASE "{lost}" CONNECTION LIMIT 0;',
        f'ALTER DATABASE "{beside}" RENAME TO "{backed_up.name}";',
        f'ALTER DATABASE "{backed_up.name}" CONNECTION LIMIT 33;',
        "COMMIT;",
    ]
    assert plan.commands[0].target["backup"] == one.name
    assert one.name in plan.does
    assert "824 rows of 7 tables" in plan.does
    assert f"what is there now is kept as {lost}" in plan.does
    assert PASSWORD not in str(plan)
    assert RESTORE.plan(door).effect == plan.effect
    assert backed_up.databases == [backed_up.name]


def test_it_keeps_what_there_was_and_swaps_it_back(backed_up: Losable) -> None:
    door = backed_up.door()
    backed_up.run("TRUNCATE leads; INSERT INTO twins VALUES ('since')")
    plan, outcome = restored(door)
    assert backed_up.run("SELECT count(*) FROM leads") == [(300,)]
    assert f"What was there is {backed_up.name}_lost_1." in outcome.says
    with pytest.raises(psycopg.OperationalError, match="too many connections for database"):
        backed_up.run("SELECT 1", f"{backed_up.name}_lost_1", user="app")

    back = RESTORE.undo(plan, outcome)
    assert isinstance(back, SwapBack)
    undoing = back.plan(door)
    assert back.applied(door, undoing) is False
    assert back.apply(door, undoing).complete
    assert back.applied(door, undoing) is True
    assert backed_up.run("SELECT count(*) FROM leads", user="app") == [(0,)]
    assert backed_up.run("SELECT count(*) FROM twins WHERE word = 'since'") == [(1,)]
    assert backed_up.databases == [backed_up.name, f"{backed_up.name}_restored_1"]
    assert back.plan(door).commands == ()


def test_a_second_restore_of_the_same_backup_is_another_one(backed_up: Losable) -> None:
    """What the first one's remark says is no proof that the second was done."""
    door = backed_up.door()
    backed_up.drop()
    restored(door)
    backed_up.run("TRUNCATE leads")
    plan = RESTORE.plan(door)
    assert RESTORE.applied(door, plan) is False
    assert RESTORE.apply(door, plan).complete
    assert RESTORE.applied(door, plan) is True
    assert backed_up.run("SELECT count(*) FROM leads") == [(300,)]
    assert backed_up.databases == [backed_up.name, f"{backed_up.name}_lost_2"]


def test_it_swaps_while_clients_come_back_at_once(backed_up: Losable) -> None:
    door, over = backed_up.door(), threading.Event()
    seen: list[int] = []
    url = backed_up.url("boss").get_secret_value()

    def client() -> None:
        while not over.is_set():
            with suppress(psycopg.Error), psycopg.connect(url, autocommit=True) as session:
                while not over.is_set():
                    row = session.execute("SELECT count(*) FROM leads").fetchone()
                    seen.append(row[0] if row else 0)
                    time.sleep(0.01)

    backed_up.run("TRUNCATE leads")
    clients = [threading.Thread(target=client) for _ in range(3)]
    for one in clients:
        one.start()
    try:
        assert restored(door)[1].complete
        end = time.monotonic() + 20
        while 300 not in seen and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        over.set()
        for one in clients:
            one.join()
    # Never half of it.
    assert set(seen) == {0, 300}


def test_it_refuses_what_is_no_backup(backed_up: Losable) -> None:
    """4-6: a failed dump becomes a 31-byte file that "restores" with exit code 0."""
    door = backed_up.door()
    place = door.kept()[0].place
    (place / shelf.DUMP).write_bytes(b"\x1f\x8b\x08\x00" + bytes(27))
    with pytest.raises(Refused, match=r"There is no proven backup .*database.dump is not what was written"):
        RESTORE.plan(door)
    # Even where its manifest says that it is what was written.
    manifest = json.loads((place / shelf.MANIFEST).read_text())
    manifest["files"] = shelf.described(place)
    shelf.write(place / shelf.MANIFEST, manifest)
    with pytest.raises(Refused, match=r"There is no proven backup .*: not proven"):
        RESTORE.plan(door)
    shelf.write(place / shelf.PROOF, {"manifest": shelf.hash_of(place / shelf.MANIFEST), "at": manifest["at"]})
    with pytest.raises(Refused, match="does not appear to be a valid archive"):
        RESTORE.plan(door)
    assert backed_up.databases == [backed_up.name]


def test_it_passes_over_a_backup_that_holds_the_loss(backed_up: Losable) -> None:
    """1-2: an export of an empty database is done, with exit code 0, and as proven as any."""
    door = backed_up.door()
    [whole] = door.kept()
    backed_up.run('TRUNCATE leads, twins; DELETE FROM "We ""ird.%s"')
    time.sleep(1)
    moved(whole, datetime.now(UTC) - timedelta(days=1))
    assert made(door).complete
    newer, whole = door.kept()
    assert newer.proven_at
    plan = RESTORE.plan(door)
    assert plan.commands[0].target["backup"] == whole.name


def test_it_does_not_restore_another_backup_than_was_approved(backed_up: Losable) -> None:
    door = backed_up.door()
    plan = RESTORE.plan(door)
    place = door.kept()[0].place
    (place / shelf.PROOF).unlink()
    with pytest.raises(Refused, match="it counts as proven no more"):
        RESTORE.apply(door, plan)
    place.rename(place.with_name("elsewhere.differs"))
    with pytest.raises(Refused, match="it is not there any more"):
        RESTORE.apply(door, plan)
    assert backed_up.databases == [backed_up.name]


def test_it_refuses_when_what_is_there_is_not_what_was_shown(backed_up: Losable) -> None:
    """It was gone when it was approved, and somebody has made it again meanwhile: that is kept, and asked about."""
    door = backed_up.door()
    backed_up.drop()
    plan = RESTORE.plan(door)
    backed_up.run(f"CREATE DATABASE {backed_up.name}", "postgres")
    with pytest.raises(Refused, match="not what was approved"):
        RESTORE.apply(door, plan)
    assert backed_up.run("SELECT count(*) FROM pg_class WHERE relname = 'leads'") == [(0,)]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ('[ "$1" = --create ] && exec "$REAL" "$@"; exec "$REAL" "$1" --section=pre-data "$7"', "not what was backed"),
        ('[ "$1" = --create ] && exec "$REAL" "$@"; echo "out of luck" >&2; exit 1', "exit code 1"),
    ],
)
def test_it_swaps_nothing_in_that_is_not_equal(backed_up: Losable, tmp_path: Path, script: str, says: str) -> None:
    door = backed_up.door(bin=instead(tmp_path / "bin", backed_up.door(), "pg_restore", script))
    backed_up.run("INSERT INTO twins VALUES ('since')")
    plan, outcome = restored(door)
    assert not outcome.complete
    assert says in outcome.says
    assert RESTORE.applied(door, plan) is False
    assert backed_up.run("SELECT count(*) FROM twins WHERE word = 'since'") == [(1,)]
    assert backed_up.databases == [backed_up.name]
    # What is not there any more is not taken for ours, should somebody make one of that name.
    assert not (backed_up.folder / ".restoring.json").exists()


def test_it_makes_the_roles_that_the_server_lacks(backed_up: Losable, postgres18_other: str) -> None:
    """On a new server; without their passwords, and without the rights of a superuser."""
    door = backed_up.door(restore_url=postgres18_other)
    try:
        plan, outcome = restored(door)
        assert outcome.complete, outcome
        assert "passwords are to be set" in plan.does
        assert "Set the passwords of " in outcome.says
        assert 'CREATE ROLE "app";' in [command.line for command in plan.commands]
        with psycopg.connect(postgres18_other) as session:
            asked = "SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname IN ('app', 'boss') ORDER BY 1"
            assert session.execute(asked).fetchall() == [("app", True, False), ("boss", True, False)]
            asked = "SELECT pg_has_role('reader', 'pg_monitor', 'member')"
            assert session.execute(asked).fetchone() == (True,)
    finally:
        with psycopg.connect(postgres18_other, autocommit=True) as session:
            session.execute(f"DROP DATABASE IF EXISTS {backed_up.name} WITH (FORCE)".encode())
            for role in door.kept()[0].manifest["server"]["roles"]:
                session.execute(f'DROP ROLE IF EXISTS "{role}"'.encode()) if role != "postgres" else None


def test_it_needs_another_database_of_that_server(backed_up: Losable) -> None:
    with pytest.raises(Refused, match="Nobody has said where a lost database is brought back") as refused:
        RESTORE.plan(backed_up.door(restore_url=None))
    assert "restore_url" in refused.value.remedy
    with pytest.raises(Refused, match="the database itself, and that may be gone"):
        RESTORE.plan(backed_up.door(restore_url=backed_up.url()))
    with pytest.raises(Refused, match=r"app on .* is no superuser"):
        RESTORE.plan(backed_up.door(restore_url=backed_up.url("app", "postgres")))
