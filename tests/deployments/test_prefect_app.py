"""What an outsider reaches: the ports of a running stack and lab, and Prefect's from a web page in a browser here."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import SOCK_DGRAM
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from deployments.home import Home
from deployments.lab import Lab
from deployments.ports import free_port
from deployments.prefect_app import taken
from deployments.stack import Stack
from tests.deployments.processes import wait_until

EVIL = "https://evil.example"
CHANNELS = ("events/out", "events/in", "logs/out", "work_pools/incident/workers/connect")


@pytest.fixture(scope="module")
def outsider(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody who reaches the port and has nothing else."""
    with httpx.Client(base_url=stack.ui_url, trust_env=False) as client:
        yield client


@pytest.mark.parametrize("host", ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "", "[::1]"])
def test_it_answers_no_page_whose_name_was_pointed_at_this_machine(outsider: httpx.Client, host: str) -> None:
    """For the browser such a page is Prefect's own: neither CORS nor the CSRF token stands in its way."""
    for path in ("/api/csrf-token?client=x", "/api/health", "/", "/api/admin/settings"):
        refused = outsider.get(path, headers={"Host": host})
        assert (refused.status_code, refused.text) == (
            403,
            "Only this machine's own programs and pages may ask here.\n",
        ), path


def test_it_answers_the_machines_own_programs_and_pages(outsider: httpx.Client, stack: Stack) -> None:
    port = urlsplit(stack.ui_url).port
    for headers in ({}, {"Host": f"localhost:{port}"}, {"Origin": stack.ui_url}):
        assert outsider.get("/api/health", headers=headers).status_code == 200


def test_an_answer_does_not_wait_until_the_one_before_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nagle's algorithm made each answer 40 ms late, and a run asks some twenty times before its first finding."""

    async def without_delay(listener: socket.socket) -> bool:
        met: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = writer.get_extra_info("socket")
            met.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0)
            writer.close()

        async with await asyncio.start_server(meet, sock=listener):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.close()
            return await met

    monkeypatch.setenv("PREFECT_SERVER_API_PORT", str(free_port()))
    with taken() as listener:
        assert asyncio.run(without_delay(listener))


@pytest.mark.parametrize("channel", CHANNELS)
def test_it_opens_no_channel_to_a_page_elsewhere(stack: Stack, channel: str) -> None:
    """CORS does not cover websockets: a page could read the logs as they come, or pass for a worker."""
    url = f"{stack.prefect_api_url}/{channel}".replace("http", "ws")
    for page in (EVIL, "null"):
        with pytest.raises(InvalidStatus) as refused:
            connect(url, subprotocols=[Subprotocol("prefect")], origin=Origin(page))
        assert refused.value.response.status_code == 403
    with connect(url, subprotocols=[Subprotocol("prefect")], origin=Origin(stack.ui_url)):
        pass


def test_everything_listens_on_this_machine_only(stack: Stack, lab: Lab) -> None:
    """Ours, and what the servers open by themselves."""
    roots = [psutil.Process(pid) for pid in (stack.supervisor.pid, lab.supervisor.pid)]
    sockets = [s for root in roots for one in (root, *root.children(recursive=True)) for s in listening(one)]
    ports = {port for _, port in sockets}
    assert {urlsplit(url).port for url in (stack.ui_url, stack.journal_url, lab.url("app"))} <= ports
    assert {address for address, _ in sockets} == {"127.0.0.1"}


def listening(process: psutil.Process) -> Iterator[tuple[str, int]]:
    try:
        sockets = process.net_connections(kind="inet")
    except psutil.NoSuchProcess:  # it ended while we looked
        return
    for one in sockets:
        # A datagram socket that is bound and has no peer takes from everybody.
        if one.status == psutil.CONN_LISTEN or (one.type == SOCK_DGRAM and not one.raddr):
            yield one.laddr.ip, one.laddr.port


def test_its_databases_let_nobody_in_without_a_password(stack: Stack, lab: Lab) -> None:
    for url in (stack.journal_url, lab.url("app")):
        place = urlsplit(url)
        for user in ("postgres", place.username):
            with pytest.raises(psycopg.OperationalError, match=r"no password|password authentication"):
                psycopg.connect(host=place.hostname, port=place.port, user=user, password="", dbname="postgres")


def test_its_files_are_for_its_owner_only(stack: Stack) -> None:
    """State, passwords and programs hold secrets; logs may quote what people wrote."""
    part = stack.home.stack
    secret = [part.state, part.socket, *part.folder.rglob("*.json"), *part.folder.rglob("*.log")]
    assert len(secret) > 5
    assert [str(file) for file in secret if open_to_others(file, up_to=stack.home.root)] == []


def open_to_others(file: Path, up_to: Path) -> bool:
    """Neither the file nor a folder it lies in is closed."""
    ways = [file, *(folder for folder in file.parents if folder.is_relative_to(up_to))]
    return all(way.stat().st_mode & 0o077 for way in ways)


def test_it_asks_for_the_login_that_was_chosen_and_gives_secrets_to_workers_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other accounts here reach loopback, too; and a fault in a server must not open what it does not have."""
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "team:canary-login-4711")
    monkeypatch.setenv("ADA_TOTP", "canary-seed-4711")
    tmp_path.chmod(0o711)
    with Stack.up(Home(tmp_path / "state"), port=free_port()) as shared:

        def held() -> dict[str, bool]:
            return {
                name: "canary-seed-4711" in psutil.Process(pid).environ().values()
                for name, pid in shared.supervisor.pids().items()
            }

        # One that has only just begun is still the process it was made from.
        wait_until(lambda: held()["recoverer"], "the recoverer is itself")
        assert held() == {"postgres": False, "prefect": False, "worker": True, "recoverer": True}
        # The worker got in, or it would not be up.
        assert httpx.get(f"{shared.prefect_api_url}/admin/settings", trust_env=False).status_code == 401
        channel = f"{shared.prefect_api_url}/events/out".replace("http", "ws")
        with connect(channel, subprotocols=[Subprotocol("prefect")]) as stranger:
            stranger.send('{"type": "auth", "token": "guess"}')
            with pytest.raises(ConnectionClosed):
                stranger.recv(timeout=30)
        inside = {**os.environ, **shared.environment()}
        command = [sys.executable, "-m", "prefect", "work-pool", "ls"]
        listed = subprocess.run(command, env=inside, capture_output=True, text=True, timeout=60, check=True)
        assert "incident" in listed.stdout
