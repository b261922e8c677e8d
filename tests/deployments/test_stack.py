"""`incident up`: everything on one machine, up in seconds, gone without a trace."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from deployments import private_file
from deployments.databases import DatabaseUnusable
from deployments.home import Home
from deployments.ports import PortTaken, free_port, is_free
from deployments.prefect_server import POOL, change_headers
from deployments.stack import AlreadyUp, Stack
from tests.conftest import Server, own_server
from tests.deployments.processes import children, commands, using, wait_until

SERVE = textwrap.dedent("""
    import sys
    from pathlib import Path
    from deployments.home import Home
    from deployments.stack import serve
    def say(text):
        print(text, flush=True)
    home, database_url, port = sys.argv[1:]
    serve(Home(Path(home)), say, database_url=database_url or None, port=int(port), ready=lambda stack: say("READY"))
    say("END")
""")


class Foreground:
    """`incident up` in a process of its own."""

    def __init__(self, home: Home, database_url: str = "") -> None:
        self.home, self.port = home, free_port()
        command = [sys.executable, "-c", SERVE, str(home.root), database_url, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said: list[str] = []

    def wait_for(self, words: str) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if words in line:
                return
        pytest.fail(f"never said {words!r}:\n" + "\n".join(self.said))

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def assert_gone(self) -> None:
        wait_until(lambda: not using(self.home.root), "every process is gone")
        assert is_free(self.port)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state")


@pytest.fixture
def foreground(home: Home) -> Iterator[list[Foreground]]:
    started: list[Foreground] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.wait()
        assert one.process.stdout
        one.process.stdout.close()
        one.assert_gone()


def test_it_runs_prefect_on_its_own_postgres(stack: Stack) -> None:
    with httpx.Client(base_url=f"{stack.prefect_api_url}/", trust_env=False) as prefect:
        pool = prefect.get(f"work_pools/{POOL}").raise_for_status().json()
        headers = change_headers(prefect)
        workers = prefect.post(f"work_pools/{POOL}/workers/filter", json={}, headers=headers).raise_for_status().json()
        settings = prefect.get("admin/settings").raise_for_status().json()
    assert (pool["type"], pool["status"]) == ("incident", "READY")
    assert [worker["status"] for worker in workers] == ["ONLINE"]
    assert settings["home"] == str(stack.home.prefect)
    assert settings["server"]["ui"]["api_url"] == stack.prefect_api_url
    assert httpx.get(stack.ui_url, trust_env=False, follow_redirects=True).status_code == 200
    # Prefect would have made its file of SQLite here.
    assert not list(stack.home.root.rglob("*.db"))


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_it_takes_no_orders_from_a_web_page_elsewhere(stack: Stack, kind: str) -> None:
    """A page in the engineer's browser can send what needs no preflight: it must neither change nor read anything."""
    headers = {"Origin": "https://evil.example", "Content-Type": kind}
    asked = httpx.post(f"{stack.prefect_api_url}/flow_runs/filter", content='{"limit": 1}', headers=headers)
    assert asked.status_code == httpx.codes.FORBIDDEN
    assert "access-control-allow-origin" not in asked.headers
    token = httpx.get(
        f"{stack.prefect_api_url}/csrf-token", params={"client": "x"}, headers={"Origin": "https://evil.example"}
    )
    # The browser keeps the answer from the page.
    assert "access-control-allow-origin" not in token.headers


def test_it_gives_the_journal_a_role_that_can_only_add(stack: Stack) -> None:
    with psycopg.connect(stack.journal_url, autocommit=True) as session:
        session.execute("SELECT FROM incident.entries")
        for change in ("UPDATE {} SET seq = 0", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(change.format("incident.entries").encode())


def test_it_tells_other_processes_where_it_is(stack: Stack) -> None:
    found = Stack.find(stack.home)
    assert found is not None
    assert found.environment() == stack.environment()
    found.close()
    assert Stack.find(stack.home) is not None
    assert stack.home.stack.state.stat().st_mode & 0o777 == 0o600


def test_it_refuses_a_second_start_and_says_where_the_first_is(stack: Stack) -> None:
    with pytest.raises(AlreadyUp) as refused:
        Stack.up(stack.home)
    assert f"process {os.getpid()}, {stack.ui_url}" in str(refused.value)
    assert Stack.find(stack.home) is not None


def test_it_shows_no_password_on_a_command_line(stack: Stack) -> None:
    state = private_file.read_json(stack.home.stack.state)
    known = [state["superuser"], *state["accounts"]["embedded"].values()]
    assert len(known) == 4
    assert not [command for command in commands() if any(secret in command for secret in known)]


def test_it_gives_the_worker_no_more_than_the_running_role(stack: Stack) -> None:
    accounts = private_file.read_json(stack.home.stack.state)["accounts"]["embedded"]
    (pid,) = children(stack.supervisor.pids()["worker"])
    worker = Path(f"/proc/{pid}/environ").read_text()
    assert accounts["incident_runner"] in worker
    assert accounts["incident_owner"] not in worker
    assert accounts["prefect"] not in worker


def test_it_writes_nothing_others_can_read(stack: Stack) -> None:
    folders = [folder for folder in (stack.home.root, *stack.home.root.glob("*")) if folder.is_dir()]
    assert len(folders) >= 3  # itself, the stack, the lab, and what other tests kept
    assert not [folder for folder in folders if folder.stat().st_mode & 0o044]


@pytest.fixture
def theirs(postgres15: Server) -> Iterator[Server]:
    """An older server of its own: the roles that a stack makes there stay."""
    with own_server(postgres15.cluster.bin, {}) as server:
        yield server


def test_it_leaves_nothing_when_it_is_killed_and_comes_back(
    home: Home, theirs: Server, foreground: list[Foreground]
) -> None:
    """Beside the session's own stack, on a server of somebody else."""
    foreground.append(Foreground(home, theirs.admin_url))
    foreground[0].wait_for("READY")
    assert not [command for command in using(home.root).values() if "postgres -D" in command]
    assert len(using(home.root)) >= 4
    foreground[0].end(signal.SIGKILL)
    foreground.append(Foreground(home, theirs.admin_url))
    foreground[1].wait_for("READY")
    foreground[0].process.wait()
    assert foreground[1].end(signal.SIGTERM) == 0
    assert foreground[1].process.stdout
    assert foreground[1].process.stdout.read().splitlines() == ["Stopping …", "Stopped.", "END"]
    assert using(home.root) == {}
    assert Stack.find(home) is None
    with psycopg.connect(theirs.admin_url) as session:
        assert session.execute("SELECT FROM pg_database WHERE datname = 'incident'").rowcount == 1


@pytest.mark.parametrize("moment", ["Creating the database", "Starting Postgres", "Starting Prefect"])
def test_it_leaves_nothing_when_its_start_is_interrupted(home: Home, foreground: list[Foreground], moment: str) -> None:
    foreground.append(Foreground(home))
    foreground[0].wait_for(moment)
    assert foreground[0].end(signal.SIGINT) == 0
    assert using(home.root) == {}


def test_it_names_the_port_that_was_asked_for_and_is_taken(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} for Prefect is taken"):
            Stack.up(home, port=port)
    assert using(home.root) == {}


ALERTS = """
[alerts]
port = {port}
[alerts.sources.alertmanager]
environment = "{environment}"
secret = "a-secret-of-these-tests-alone"
[environments.staging]
kind = "staging"
"""


def test_it_names_the_port_for_alerts_that_is_taken(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "environments.toml"
    monkeypatch.setenv("INCIDENT_CONFIG", str(config))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config.write_text(ALERTS.format(port=port, environment="staging"))
        with pytest.raises(PortTaken, match=f"Port {port} for alerts is taken"):
            Stack.up(home, port=free_port())
    assert using(home.root) == {}


def test_it_comes_up_without_alerts_where_they_are_wrongly_configured(
    home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config, said = tmp_path / "environments.toml", list[str]()
    monkeypatch.setenv("INCIDENT_CONFIG", str(config))
    config.write_text(ALERTS.format(port=free_port(), environment="stagin"))
    with Stack.up(home, said.append, port=free_port()) as stack:
        assert "intake" not in stack.supervisor.pids()
        assert "recoverer" in stack.supervisor.pids()
    assert [line for line in said if line.startswith("No alerts are taken: ") and "'staging'" in line]


def test_it_leaves_nothing_when_the_database_is_not_there(home: Home) -> None:
    url = f"postgresql://postgres:{secrets.token_hex()}@127.0.0.1:{free_port()}/postgres"
    with pytest.raises(DatabaseUnusable, match="Check DATABASE_URL"):
        Stack.up(home, port=free_port(), database_url=url)
    assert using(home.root) == {}
    assert Stack.find(home) is None


def test_it_makes_nothing_for_a_url_it_cannot_use(home: Home) -> None:
    with pytest.raises(DatabaseUnusable, match="expected postgresql://"):
        Stack.up(home, database_url="sqlite:///here.db")
    assert not home.root.exists()
