from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from alembic import command
from psycopg import sql
from pydantic import SecretStr

from flows.journal import Audit, Journal, JournalUnavailable, Redactor, complaints
from flows.journal.migrate import LOCK, CannotMigrate, migrate
from flows.keepers.retire import removable, retire
from tests.conftest import Server
from tests.flows.journal.conftest import Roles, roles_on
from tests.flows.journal.old import old_incident
from tests.flows.raw import Raw


def versions(roles: Roles) -> list[tuple[object, ...]]:
    with psycopg.connect(roles.admin_url) as admin:
        return admin.execute("SELECT version_num FROM incident.incident_alembic_version").fetchall()


def test_it_migrates_twice(empty: Roles) -> None:
    migrate(empty.owner_url, empty.runner)
    with empty.journal().hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
    migrate(empty.owner_url, empty.runner)
    assert versions(empty) == [("v7",)]
    assert len(empty.journal().open().read("inc-1")) == 1


def test_it_migrates_a_record_as_it_is(empty: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written and sealed at the version before verifies afterwards, and goes on."""
    upgrade = command.upgrade
    with monkeypatch.context() as before:
        before.setattr(command, "upgrade", lambda config, _: upgrade(config, "v2"))
        before.setattr("flows.journal.migrate.TABLES", ("entries", "heads", "measurements", "seals"))
        before.setattr("flows.journal.migrate.MONTHS_AHEAD", "SELECT 1")
        migrate(empty.owner_url, empty.runner)
    assert versions(empty) == [("v2",)]
    journal = empty.journal()
    with journal.hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
        journal.seal()
        migrate(empty.owner_url, empty.runner)
        log.append("engine", "closed", Raw("closed", {}))
    assert versions(empty) == [("v7",)]
    assert len(journal.seal()) == 1
    audit = Audit()
    with journal.record() as record:
        assert list(complaints(record, audit)) == []
    assert (audit.entries, audit.seals, audit.unsealed) == (2, 2, 0)


MIGRATE = "import sys; from flows.journal.migrate import migrate; migrate(sys.argv[1], sys.argv[2])"


@pytest.mark.strict("Starts several processes that only migrate; once is enough a merge.")
def test_it_migrates_from_several_processes_at_once(empty: Roles) -> None:
    command = [sys.executable, "-c", MIGRATE, empty.owner_url, empty.runner]
    with psycopg.connect(empty.admin_url, autocommit=True) as admin:
        # Held back until all stand at the lock, so that they really race.
        admin.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while admin.execute(waiting).fetchone() != (3,):
            assert all(racer.poll() is None for racer in racers), "a migration ended before it had the lock"
        admin.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    assert [(racer.communicate(timeout=60)[1], racer.returncode) for racer in racers] == [("", 0)] * 3
    assert versions(empty) == [("v7",)]


def test_it_migrates_from_several_threads_at_once(empty: Roles) -> None:
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(migrate, empty.owner_url, empty.runner) for _ in range(3)]:
            done.result()
    assert versions(empty) == [("v7",)]


def test_it_leaves_prefects_own_versions_alone(empty: Roles) -> None:
    with psycopg.connect(empty.admin_url) as admin:
        admin.execute("CREATE TABLE public.alembic_version (version_num text)")
        admin.execute("INSERT INTO public.alembic_version VALUES ('prefect')")
    migrate(empty.owner_url, empty.runner)
    with psycopg.connect(empty.admin_url) as admin:
        assert admin.execute("SELECT version_num FROM public.alembic_version").fetchall() == [("prefect",)]


def test_it_migrates_while_an_incident_is_executed(roles: Roles) -> None:
    with roles.journal().hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {}))
        migrate(roles.owner_url, roles.runner)
        log.append("engine", "note", Raw("note", {}))


def test_it_takes_back_rights_given_by_hand(roles: Roles) -> None:
    with psycopg.connect(roles.owner_url) as owner:
        owner.execute(sql.SQL("GRANT ALL ON incident.entries TO PUBLIC, {}").format(sql.Identifier(roles.runner)))
    migrate(roles.owner_url, roles.runner)
    with psycopg.connect(roles.admin_url) as admin:
        row = admin.execute("SELECT has_table_privilege(%s, 'incident.entries', 'DELETE')", [roles.runner]).fetchone()
    assert row == (False,)


def test_it_wants_a_role_that_exists(empty: Roles) -> None:
    with pytest.raises(CannotMigrate, match=r"There is no role 'nobody-here'\. Create it: CREATE ROLE"):
        migrate(empty.owner_url, "nobody-here")


def test_it_refuses_a_running_role_that_could_change_the_record(empty: Roles) -> None:
    for owner_url, runner in ((empty.owner_url, "postgres"), (empty.runner_url, empty.runner)):
        with pytest.raises(CannotMigrate, match="could switch off what keeps the journal honest"):
            migrate(owner_url, runner)
    migrate(empty.owner_url, empty.runner)
    owner = psycopg.conninfo.conninfo_to_dict(empty.owner_url)["user"]
    # The superuser may migrate too, but the tables' owner must still not become the worker.
    with pytest.raises(CannotMigrate, match=f"belongs to the tables' owner '{owner}'"):
        migrate(empty.admin_url, str(owner))


def test_it_says_that_the_owner_may_not_create_anything(empty: Roles) -> None:
    with psycopg.connect(empty.admin_url, autocommit=True) as admin:
        owner = str(psycopg.conninfo.conninfo_to_dict(empty.owner_url)["user"])
        name = str(psycopg.conninfo.conninfo_to_dict(empty.owner_url)["dbname"])
        admin.execute(
            sql.SQL("REVOKE CREATE ON DATABASE {} FROM {}").format(sql.Identifier(name), sql.Identifier(owner))
        )
        with pytest.raises(JournalUnavailable, match=f"permission denied for database {name}"):
            migrate(empty.owner_url, empty.runner)
        # A schema made for it by somebody else is enough.
        admin.execute(sql.SQL("CREATE SCHEMA incident AUTHORIZATION {}").format(sql.Identifier(owner)))
    migrate(empty.owner_url, empty.runner)


@pytest.fixture
def on_15(postgres15: Server) -> Iterator[Roles]:
    with roles_on(postgres15) as roles:
        yield roles


def test_it_works_on_an_older_server(on_15: Roles, tmp_path: Path) -> None:
    migrate(on_15.owner_url, on_15.runner)
    journal = on_15.journal()
    with journal.hold("inc-1") as log:
        log.append("engine", "opened", Raw("opened", {"says": "“ü” \x7f\x01 😀"}))
    assert journal.find("inc-1") == "inc-1"
    assert len(journal.incidents()) == 1
    old_incident(on_15, "inc-0")
    year = timedelta(days=365)
    assert [batch.retired for batch in retire(journal, tmp_path, year, journal.seal)] == [1]
    owner = Journal(SecretStr(on_15.owner_url), Redactor([]))
    found = removable(owner, tmp_path, year, None)
    assert list(owner.retention.remove(one.tombstone for one in found.entombed)) == [4]
