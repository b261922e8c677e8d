"""The lab: filled as an application would be, found again, and gone when it is told to go."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deployments import lab as servers
from deployments import private_file
from deployments.home import Home
from deployments.lab import Lab
from deployments.lab.application import DATABASE
from deployments.trouble import CannotStart
from tasks.config import Config
from tasks.environment import Kind
from tasks.registry import register_systems
from tests.deployments.processes import alive, using

QUERIES = Path(__file__).with_name("lab_queries.sql").read_text().split(";\n")

UP = textwrap.dedent("""
    import sys
    from pathlib import Path
    from deployments import lab
    from deployments.home import Home
    lab.up(Home(Path(sys.argv[1])), progress=lambda text: print(text, flush=True))
""")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A state folder of this file's own: its lab is stopped and started again."""
    home = Home(tmp_path_factory.mktemp("lab") / "state")
    yield home
    servers.down(home)
    assert using(home.root) == {}


@pytest.mark.parametrize("query", [pytest.param(query, id=" ".join(query.split()[:12])) for query in QUERIES])
def test_it_answers_the_operators_queries_unchanged(lab: Lab, query: str) -> None:
    with psycopg.connect(lab.url("app")) as session:
        session.execute(query.encode())
        session.rollback()


def test_it_looks_healthy(lab: Lab) -> None:
    with psycopg.connect(lab.url("app")) as session:
        row = session.execute("""
            SELECT count(*), avg((send_status = 'bounced')::int), avg((send_status = 'failed')::int),
                   avg((opened_at IS NOT NULL)::int), avg((first_click_at IS NOT NULL)::int)
            FROM email_sends
        """).fetchone()
    assert row is not None
    sends, bounced, failed, opened, clicked = (float(value) for value in row)
    assert sends > 200_000
    assert bounced == pytest.approx(0.01, abs=0.002)
    assert failed == pytest.approx(0.004, abs=0.002)
    assert opened == pytest.approx(0.35, abs=0.01)
    assert clicked == pytest.approx(0.06, abs=0.01)


def test_it_lets_each_role_do_its_own_and_no_more(lab: Lab) -> None:
    with psycopg.connect(lab.url("app")) as app:
        waits = app.info.backend_pid
        with psycopg.connect(lab.url("monitor"), autocommit=True) as monitor:
            seen = monitor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [waits]).fetchone()
            assert seen != ("<insufficient privilege>",)
            for forbidden in ("SELECT FROM leads", f"SELECT pg_terminate_backend({waits})"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    monitor.execute(forbidden.encode())
        with psycopg.connect(lab.url("operator")) as operator:
            operator.execute("SELECT pg_terminate_backend(%s)", [waits])
        with pytest.raises(psycopg.OperationalError):
            app.execute("SELECT 1")


def test_it_keeps_passwords_out_of_what_the_monitor_sees(lab: Lab) -> None:
    with psycopg.connect(lab.url("monitor")) as session:
        statements = session.execute("SELECT query FROM pg_stat_statements").fetchall()
    assert len(statements) > 10
    assert not [query for (query,) in statements if any(secret in query for secret in lab.passwords.values())]


def test_it_is_an_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    register_systems()
    file = lab.home.lab_environment
    assert file.stat().st_mode & 0o777 == 0o600
    environment = Config.load(Path("/nonexistent.toml"), file).environment("lab")
    assert environment.kind is Kind.LAB
    assert environment.approvers["lab-approver"].drill
    assert not environment.approvers["you"].drill
    assert "postgres" in environment.systems


def test_it_leaves_nothing_when_its_start_is_interrupted(home: Home) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UP, str(home.root)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as start:
        assert start.stdout
        next(line for line in start.stdout if line.startswith("Filling"))
        start.send_signal(signal.SIGINT)
        assert start.wait(30) != 0
    assert using(home.root) == {}
    assert not servers.status(home).up


def test_it_stays_when_the_command_that_started_it_ends(home: Home) -> None:
    subprocess.run([sys.executable, "-c", UP, str(home.root)], check=True, capture_output=True)
    first = servers.status(home)
    assert first.up
    with servers.up(home) as again:
        assert not again.ours
        with psycopg.connect(again.url("app")) as session:
            session.execute("CREATE TABLE kept ()")
            assert session.info.dbname == DATABASE
    # Leaving the block stopped nothing: the lab was up before.
    assert alive(first.processes.values()) == set(first.processes.values())


def test_it_goes_down_and_comes_back_with_its_data_and_port(home: Home) -> None:
    port = servers.status(home).port
    assert servers.down(home)
    assert using(home.root) == {}
    assert not home.lab_environment.exists()
    assert not servers.down(home)
    with servers.up(home, daemon=False) as lab:
        assert lab.cluster.port == port
        with psycopg.connect(lab.url("app")) as session:
            session.execute("SELECT FROM kept")


def test_it_says_so_and_moves_when_its_port_is_taken(home: Home) -> None:
    port = servers.status(home).port
    said: list[str] = []
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port or 0))
        taken.listen()
        with servers.up(home, daemon=False, progress=said.append) as lab:
            assert lab.cluster.port != port
    assert f"Port {port} is taken; the lab's Postgres listens on {lab.cluster.port}" in said


def test_it_comes_back_at_once_after_everything_was_killed(home: Home) -> None:
    lab = servers.up(home)
    os.kill(lab.supervisor.pid, signal.SIGKILL)
    with servers.up(home, daemon=False) as again, psycopg.connect(again.url("app")) as session:
        session.execute("SELECT FROM kept")


@pytest.mark.parametrize("other", [{"ports": {"website": 1, "gone": 2}}, {"beside": ["website"]}])
def test_a_lab_of_another_version_is_not_started_again_in_part(home: Home, other: dict[str, object]) -> None:
    with servers.up(home):
        state = private_file.read_json(home.lab.state)
        private_file.write_json(home.lab.state, {**state, **other})
        with pytest.raises(CannotStart, match="another version of us: `incident lab down`, then"):
            servers.up(home)
        private_file.write_json(home.lab.state, state)
