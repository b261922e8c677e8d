"""A healthy database raises nothing: where nothing is wrong, every question of the category answers OK."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr

import deployments.lab
from deployments.cluster import binaries
from deployments.home import Home
from deployments.lab import Lab
from flows.life.diagnose import answer
from runbooks.catalog import Catalog
from runbooks.model import AnyCheck
from tasks.config import Config
from tasks.environment import Environment
from tasks.host.machine import Machine
from tasks.model import CannotLook, Earlier, Finding, Verdict
from tasks.postgres.system import PostgresServer
from tests.benchmarks.load import visitors

pytestmark = pytest.mark.strict(
    "Asks every check of a whole lab; beside each check stand look-alikes that are healthy."
)

DATABASE = [entry.runbook for entry in Catalog.load() if entry.category == "database"]
# The machine is busy with tests, and says so.
QUESTIONS: tuple[AnyCheck, ...] = tuple(
    {
        asked.name: asked for known in DATABASE for asked in known.checks if Machine not in asked.systems.values()
    }.values()
)
# Neither wakes anybody: a watch opens its runbook at BAD only.
AFTER_A_RESTORE = {
    "check_stale_statistics": "WARN: pg_restore analyses nothing, and Postgres' manual asks for an ANALYZE afterwards. "
    "Until then, or until autovacuum comes, plans are guesses.",
    "check_table_bloat": "UNKNOWN, with ANALYZE as the remedy: without statistics nobody knows how wide the rows are.",
}
BUSY_S = 8


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which nothing was ever broken; the shared one remembers its drills."""
    folder = tmp_path_factory.mktemp("healthy")
    folder.chmod(0o711)
    with deployments.lab.up(Home(folder / "state"), daemon=False) as running:
        yield running


@pytest.fixture(scope="module")
def place(own_lab: Lab) -> Environment:
    return Config.load(own_lab.home.config, own_lab.home.lab_environment).environment("lab")


def ask(asked: AnyCheck, where: Environment, earlier: Earlier | None) -> Finding:
    try:
        return asked.ask(where, earlier)
    except CannotLook as error:
        return answer(asked, error)


def two_looks(where: Environment, between_s: float) -> list[tuple[str, str, str]]:
    """Whatever is not OK, of the first look and of one some seconds later that knows the first."""
    first = {asked: ask(asked, where, None) for asked in QUESTIONS}
    looked_at_s = time.time()
    time.sleep(between_s)  # what is counted is counted over some time
    second = {
        asked: ask(asked, where, Earlier(at_s=looked_at_s, value=found.value or 0.0, facts=found.facts))
        for asked, found in first.items()
    }
    return [
        (asked.name, finding.verdict.name, finding.says)
        for findings in (first, second)
        for asked, finding in findings.items()
        if finding.verdict is not Verdict.OK and not _not_there(finding)
    ]


def _not_there(finding: Finding) -> bool:
    """A system that the lab does not have: a pooler, a provider."""
    return finding.verdict is Verdict.UNKNOWN and "environments.toml" in finding.remedy


def test_it_raises_nothing_in_an_idle_lab(place: Environment) -> None:
    assert two_looks(place, 1) == []


def test_it_raises_nothing_in_a_busy_lab(place: Environment) -> None:
    postgres = place.systems["postgres"]
    assert isinstance(postgres, PostgresServer)
    with visitors(postgres, 4 * BUSY_S) as load:
        raised = two_looks(place, 2)
        assert load.poll() is None, "the visitors left before the second look"
        load.terminate()

    assert raised == []


@pytest.fixture
def restored(own_lab: Lab, place: Environment, tmp_path: Path) -> Iterator[Environment]:
    """The lab's database as it is after a dump and a restore; nobody has analysed it yet."""
    superuser = own_lab.url("postgres")
    parts = urlsplit(superuser)
    with psycopg.connect(superuser, autocommit=True) as session:
        session.execute("CREATE DATABASE restored OWNER app")
        dump = tmp_path / "app.dump"
        _run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={superuser}")
        _run("pg_restore", f"--dbname={urlunsplit(parts._replace(path='/restored'))}", str(dump))
        yield _elsewhere(place, "/restored")
        session.execute("DROP DATABASE restored WITH (FORCE)")


def _run(program: str, *arguments: str) -> None:
    subprocess.run([binaries() / program, *arguments], check=True, capture_output=True, env=dict(os.environ))


def _elsewhere(place: Environment, path: str) -> Environment:
    postgres = place.systems["postgres"]
    assert isinstance(postgres, PostgresServer)
    urls: Mapping[str, SecretStr | None] = {
        name: SecretStr(urlunsplit(urlsplit(url.get_secret_value())._replace(path=path)))
        for name in ("url", "action_url", "drill_url", "application_url")
        if (url := getattr(postgres, name, None)) is not None
    }
    return place.model_copy(update={"systems": {**place.systems, "postgres": postgres.model_copy(update=dict(urls))}})


def test_it_raises_nothing_in_a_freshly_restored_database_once_it_is_analysed(restored: Environment) -> None:
    raised = [(name, *told) for name, *told in two_looks(restored, 1) if name not in AFTER_A_RESTORE]
    assert raised == []

    postgres = restored.systems["postgres"]
    assert isinstance(postgres, PostgresServer)
    with postgres.drill_session("migration") as session:
        session.run("ANALYZE")
    assert two_looks(restored, 1) == []
