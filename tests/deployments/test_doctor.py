"""`incident doctor`: what it finds on real servers that are well, locked, gone, or hide what we need to see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from deployments.ports import free_port
from deployments.stack import Stack
from flows.keepers.blind import heed
from tasks.model import Finding
from tests.conftest import Server
from tests.deployments.terminal import Shell
from tests.flows.journal.conftest import Roles, roles_on

CONFIG = """
[environments.here]
kind = "staging"

[environments.here.systems.postgres]
url = "${{POSTGRES_URL}}"
{more}
"""
PASSWORD = "correct-horse-battery"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder whose only environment is `here`, a Postgres at POSTGRES_URL; no stack."""
    return configured(Shell(tmp_path / "home", tmp_path))


def configured(shell: Shell, more: str = "") -> Shell:
    (shell.folder / "environments.toml").write_text(CONFIG.format(more=more))
    return shell


@pytest.fixture
def reader(database: str) -> Iterator[str]:
    """A role without pg_monitor, on a database of its own."""
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'")
        yield as_role(database, "plain", PASSWORD)
        admin.execute("DROP ROLE plain")


@pytest.fixture
def roles(postgres18: Server) -> Iterator[Roles]:
    from flows.journal.migrate import migrate

    with roles_on(postgres18) as made:
        migrate(made.owner_url, made.runner)
        yield made


def as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:{password}@{parts.hostname}:{parts.port}"))


def findings(shell: Shell, place: str, **more: str) -> list[tuple[str, str, str]]:
    return [(f["verdict"], f["says"], f["remedy"]) for f in shell.json("doctor", **more)[place]]


def test_it_finds_a_running_stack_and_its_lab_well(stack: Stack, tmp_path: Path) -> None:
    shell = Shell(stack.home.root, tmp_path)
    shell("publish")
    said = shell("doctor")
    assert said.returncode == 0, said.stdout
    assert "workers online: 1" in said.stdout
    assert "incident_runner may add and read, and change nothing." in said.stdout
    assert "sees everybody's sessions" in said.stdout
    assert said.stdout.count("host") == len(re.findall(r"nothing\s+is\s+asked\s+of\s+them:[^.]*\bhost,", said.stdout))
    assert {f["verdict"] for place in shell.json("doctor").values() for f in place} == {"OK"}


def test_it_says_what_to_start_and_to_write_in_an_empty_folder(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home", tmp_path)
    assert findings(shell, "stack") == [("UNKNOWN", f"No stack is up in {shell.home}.", "incident up")]
    [(verdict, says, remedy)] = findings(shell, "environments")
    assert (verdict, remedy.splitlines()[-1]) == ("UNKNOWN", "incident lab up")
    assert "No environment is configured" in says


def test_it_gives_the_grant_that_is_missing(shell: Shell, reader: str) -> None:
    found = findings(shell, "here", POSTGRES_URL=reader)
    assert ("UNKNOWN", "GRANT pg_monitor TO plain;") in [(verdict, remedy) for verdict, _, remedy in found]
    assert shell("doctor", POSTGRES_URL=reader).returncode == 1


def test_it_names_who_was_refused_and_shows_no_password(shell: Shell, reader: str) -> None:
    said = shell("doctor", POSTGRES_URL=as_role(reader, "plain", "hunter2"))
    assert said.returncode == 1
    assert "refuses the password of plain" in said.stdout
    assert "hunter2" not in said.stdout + said.stderr


def test_it_says_that_nothing_listens(shell: Shell) -> None:
    port = free_port()
    found = findings(shell, "here", POSTGRES_URL=f"postgresql://a:b@127.0.0.1:{port}/c")
    mend = "Start the server (its log says why it ended), or correct host and port in the URL."
    assert ("BAD", f"127.0.0.1:{port}/c refuses connections: nothing listens there.", mend) in found


def test_it_says_that_nobody_may_approve_and_that_a_limit_means_nothing(shell: Shell, database: str) -> None:
    limits = '[environments.here.thresholds.check_blocked_session.waited]\nwarn = 1\nbad = 2\nbecause = "here"'
    found = findings(configured(shell, limits), "here", POSTGRES_URL=database)
    said = {verdict: says for verdict, says, _ in found}
    assert said["WARN"].startswith("Nobody may approve anything in here")
    assert said["BAD"].startswith("No runbook runs in here. environments.here.thresholds.check_blocked_session: ")
    refused = shell("run", "database/blocked-sessions", "--environment", "here", "--plan-only", POSTGRES_URL=database)
    assert (refused.returncode, "check_blocked_session" in refused.stderr) == (1, True)


def test_it_says_that_a_secret_is_missing_and_looks_at_the_rest(shell: Shell) -> None:
    assert findings(shell, "stack")[0][0] == "UNKNOWN"
    [(verdict, says, _)] = findings(shell, "here")
    assert verdict == "UNKNOWN"
    assert "POSTGRES_URL is not set" in says


def test_it_names_a_watch_that_could_not_look(shell: Shell, roles: Roles, database: str) -> None:
    unseen = Finding.unknown("The server did not answer.", remedy="Look whether it is up.")
    heed(roles.journal(), "here", "check_blocked_sessions", unseen, 3, ())
    [(verdict, says, remedy)] = [
        found
        for found in findings(shell, "here", POSTGRES_URL=database, INCIDENT_JOURNAL_URL=roles.runner_url)
        if "check_blocked_sessions" in found[1]
    ]
    assert (verdict, remedy) == ("UNKNOWN", "Look whether it is up.")
    assert says.startswith("The watch check_blocked_sessions could not look the last time, since ")
    assert says.endswith(" UTC. The server did not answer.")


def test_it_refuses_a_role_that_could_change_the_journal(shell: Shell, roles: Roles, stack: Stack) -> None:
    """Asked of the database, which knows better than our GRANTs what an owner may do."""
    more = {"PREFECT_API_URL": stack.prefect_api_url, "POSTGRES_URL": "postgresql://a:b@127.0.0.1:1/c"}
    for url, verdict in ((roles.runner_url, "OK"), (roles.owner_url, "BAD"), (roles.admin_url, "BAD")):
        journal = findings(shell, "stack", INCIDENT_JOURNAL_URL=url, **more)[1]
        assert journal[0] == verdict
        assert ("UPDATE entries" in journal[1]) is (verdict == "BAD")
    with psycopg.connect(roles.admin_url, autocommit=True) as admin:
        admin.execute(f"GRANT UPDATE (body) ON incident.entries TO {roles.runner}".encode())
    verdict, says, _ = findings(shell, "stack", INCIDENT_JOURNAL_URL=roles.runner_url, **more)[1]
    assert (verdict, says.endswith("it may UPDATE entries.")) == ("BAD", True)
