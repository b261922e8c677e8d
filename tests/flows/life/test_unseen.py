"""Nothing is BAD, and not everybody answered: what is not configured is not ill, what does not answer may be."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr

from flows.case.case import Ending
from flows.life.unseen import nothing_found
from runbooks.database import connections_exhausted, performance_degradation
from runbooks.model import AnyCheck, Runbook
from tasks.environment import Environment, Kind
from tasks.host.system import Host
from tasks.model import Finding, Verdict
from tasks.postgres.system import PostgresServer
from tasks.system import System
from tests.flows.room import furnish

POSTGRES = PostgresServer(url=SecretStr("postgresql://reader:x@127.0.0.1:1/app"))
OK = Finding(verdict=Verdict.OK, says="It is well.")
NO_ANSWER = Finding.unknown("It does not answer.")
TWO_LACK = " 2 of 8 had nobody to ask: pgbouncer and status_page are not configured in here."


def place(**systems: System) -> Environment:
    return Environment(name="here", kind=Kind.STAGING, systems=systems)


def answers(runbook: Runbook, where: Environment, **instead: Finding) -> dict[AnyCheck, Finding]:
    """OK where there is somebody to ask, UNKNOWN where not; and `instead` by the check's name."""
    usual = {asked: NO_ANSWER if asked.lacks(where.kinds) else OK for asked in runbook.diagnosis}
    return {asked: instead.get(asked.name, finding) for asked, finding in usual.items()}


def test_it_believes_those_who_were_asked_and_names_what_is_not_configured() -> None:
    where = place(postgres=POSTGRES)
    ending, says = nothing_found(answers(connections_exhausted.runbook, where), where)

    assert ending is Ending.NOT_REPRODUCED
    assert says == f"No check found a fault; nothing was done. What was seen is in the findings.{TWO_LACK}"


@pytest.mark.parametrize("silent", ["check_can_connect", "check_blocked_sessions"])
def test_it_cannot_tell_when_a_system_that_is_configured_does_not_answer(silent: str) -> None:
    where = place(postgres=POSTGRES)
    ending, says = nothing_found(answers(connections_exhausted.runbook, where, **{silent: NO_ANSWER}), where)

    assert ending is Ending.CANNOT_TELL
    assert says == f"No check found a fault, but not all could look. See what to do in the findings.{TWO_LACK}"


def test_it_cannot_tell_when_what_the_runbook_is_about_is_not_configured() -> None:
    where = place(host=Host())
    ending, says = nothing_found(answers(performance_degradation.runbook, where), where)

    assert ending is Ending.CANNOT_TELL
    assert says.startswith("No check found a fault, but hardly any could look. ")
    assert "postgres is not configured in here" in says


def test_it_cannot_tell_when_nothing_is_configured() -> None:
    where = place()
    ending, _ = nothing_found(answers(connections_exhausted.runbook, where), where)
    assert ending is Ending.CANNOT_TELL


def test_it_names_nothing_when_all_answered() -> None:
    found = dict.fromkeys(connections_exhausted.runbook.diagnosis, OK)
    says = "No check found a fault; nothing was done. What was seen is in the findings."
    assert nothing_found(found, place(postgres=POSTGRES)) == (Ending.NOT_REPRODUCED, says)


def test_it_ends_so_on_a_real_server(
    tmp_path: Path, journal_url: str, prefect_server: None, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A healthy Postgres and nothing else."""
    room = furnish(tmp_path, journal_url, monkeypatch)
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("CREATE ROLE onlooker LOGIN PASSWORD 'correct-horse' IN ROLE pg_monitor")
    parts = urlsplit(database)
    url = urlunsplit(parts._replace(netloc=f"onlooker:correct-horse@{parts.hostname}:{parts.port}"))
    config = tmp_path / "environments.toml"
    config.write_text(f'{config.read_text()}\n[environments.here]\nkind = "lab"\nsystems.postgres.url = "{url}"\n')
    try:
        room.live(slug="database/connections-exhausted", environment="here")
    finally:
        with psycopg.connect(database, autocommit=True) as admin:
            admin.execute("DROP ROLE onlooker")

    assert room.verdict == "not reproduced"
    assert str(room.entries[-1].body["says"]).endswith(TWO_LACK)
