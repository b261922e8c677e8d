"""A run's process is forked from one that has imported everything: it inherits that, and nothing of anybody's run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deployments import forkserver, warm
from deployments.forkserver import SPARES, NotAlone, alone, run_name
from deployments.warm import CannotFork, Generation, Nursery
from tests.deployments.processes import alive, children, wait_until

PROBE = (sys.executable, "-m", "tests.deployments.forked")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generations whose runs say what they were born with."""
    monkeypatch.setattr(warm, "COMMAND", PROBE)
    # Nobody answers there, and nobody is asked before there is a run.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


def living(story: Callable[[Generation], Awaitable[Any]]) -> Any:
    """What becomes of a generation's runs; it is gone afterwards, and so are its processes."""

    async def lived() -> Any:
        generation = await Generation.begin()
        try:
            return await story(generation)
        finally:
            generation.leave()
            assert generation.heard is not None
            await asyncio.wait_for(generation.heard, 20)

    return asyncio.run(lived())


async def born(generation: Generation, folder: Path, **given: str) -> tuple[dict[str, Any], int | None]:
    tell = folder / f"{uuid4()}.json"
    forked = await generation.start(uuid4(), {"TELL": str(tell), **given})
    await asyncio.wait_for(forked.ended.wait(), 20)
    return json.loads(tell.read_text()), forked.returncode


def test_it_gives_each_run_a_process_of_its_own(probed: None, tmp_path: Path) -> None:
    async def story(generation: Generation) -> list[dict[str, Any]]:
        return [(await born(generation, tmp_path, **{f"RUN_{n}": "its own"}))[0] for n in range(6)]

    told = living(story)
    assert len({run["pid"] for run in told}) == 6
    # A random state that is inherited would make the same "random" names and delays in each of them.
    assert len({run["random"] for run in told}) == 6
    assert len({run["secret"] for run in told}) == 6
    assert [run["runs"] for run in told] == [[f"RUN_{n}"] for n in range(6)]
    # Neither the worker's line nor another run's: who holds one could speak for others.
    assert {(run["threads"], run["lock"], run["sockets"]) for run in told} == {(1, True, 0)}


@pytest.mark.parametrize(("given", "code"), [({}, 0), ({"CODE": "3"}, 3), ({"KILL": "yes"}, -signal.SIGKILL)])
def test_it_says_how_a_run_ended(probed: None, tmp_path: Path, given: dict[str, str], code: int) -> None:
    async def story(generation: Generation) -> int | None:
        return (await born(generation, tmp_path, **given))[1]

    assert living(story) == code


def test_it_begins_more_runs_at_once_than_it_has_spares(probed: None, tmp_path: Path) -> None:
    async def story(generation: Generation) -> int:
        return len(await asyncio.gather(*(born(generation, tmp_path) for _ in range(SPARES * 4))))

    assert living(story) == SPARES * 4


def test_it_ends_no_run_when_it_is_told_to_leave(probed: None, tmp_path: Path) -> None:
    async def story(generation: Generation) -> set[int]:
        tell = tmp_path / "held.json"
        forked = await generation.start(uuid4(), {"TELL": str(tell), "HOLD": "yes"})
        await asyncio.to_thread(wait_until, tell.exists, "it began")
        generation.leave()
        with pytest.raises(CannotFork):
            await generation.start(uuid4(), {})
        await asyncio.to_thread(wait_until, lambda: children(generation.program.pid) == {forked.pid}, "spares go")
        os.kill(forked.pid, signal.SIGTERM)
        await asyncio.wait_for(forked.ended.wait(), 20)
        assert forked.returncode == -signal.SIGTERM
        return alive([generation.program.pid])

    living(story)


def test_it_lets_no_run_go_on_that_nobody_would_hear_of(probed: None, tmp_path: Path) -> None:
    async def story(generation: Generation) -> None:
        tell = tmp_path / "held.json"
        forked = await generation.start(uuid4(), {"TELL": str(tell), "HOLD": "yes"})
        await asyncio.to_thread(wait_until, tell.exists, "it began")
        generation.program.kill()
        await asyncio.wait_for(forked.ended.wait(), 20)
        assert forked.returncode == -signal.SIGKILL
        await asyncio.to_thread(wait_until, lambda: not alive([forked.pid]), "it is gone")

    living(story)


def test_it_forks_nothing_that_has_a_second_thread() -> None:
    """A fork copies the locks that thread holds, and nobody in the copy ever lets go of them."""
    go = threading.Event()
    thread = threading.Thread(target=go.wait, name="somebody's cache")
    thread.start()
    try:
        with pytest.raises(NotAlone, match="somebody's cache"):
            alone(-1)
    finally:
        go.set()
        thread.join()


def test_it_forks_nothing_that_has_a_connection() -> None:
    asked = "from deployments.forkserver import alone; import socket; kept = socket.socketpair(); alone(-1)"
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=False)
    assert "NotAlone: a connection or an event loop was opened at import" in ended.stderr


def test_it_is_alone_with_everything_imported() -> None:
    """Prefect, every flow and the whole catalog: none of them may start a thread or open a connection at import."""
    asked = (
        "import socket, sys; from deployments.forkserver import alone; from deployments.imported import prepare; "
        "prepare(team=True); alone(-1); print(len([name for name in sys.modules if name.startswith('flows')]))"
    )
    ended = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(ended.stdout) > 20


def test_it_says_that_it_did_not_come_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "COMMAND", (sys.executable, "-c", "raise SystemExit('a broken release')"))
    with pytest.raises(CannotFork, match="did not come up"):
        asyncio.run(Generation.begin())


def test_it_does_not_outlive_a_worker_that_ends_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """It imports for seconds, and would hear only afterwards that nobody is there any more."""
    monkeypatch.setattr(warm, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))

    async def story() -> set[int]:
        beginning = asyncio.create_task(Generation.begin())
        await asyncio.to_thread(wait_until, lambda: children(os.getpid()) - before, "it is there")
        begun = children(os.getpid()) - before
        beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        return begun

    before = children(os.getpid())
    assert not alive(asyncio.run(story()))


def test_it_is_replaced_by_a_release_of_the_team(probed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "environments.toml"
    config.write_text('[team]\nrunbooks = "runbooks"\n')
    runbook = tmp_path / "runbooks" / "ours" / "lamp.py"
    runbook.parent.mkdir(parents=True)
    runbook.write_text("first = 1\n")
    monkeypatch.setenv("INCIDENT_CONFIG", str(config))
    monkeypatch.delenv("INCIDENT_LAB_ENVIRONMENT", raising=False)

    async def story() -> list[bool]:
        nursery = Nursery()
        first = await nursery.ready()
        same = await nursery.ready() is first
        runbook.write_text("second = 22\n")
        second = await nursery.ready()
        config.write_text('[team]\nrunbooks = "runbooks"\n# another word\n')
        third = await nursery.ready()
        for generation in (first, second, third):
            generation.leave()
            assert generation.heard is not None
            await asyncio.wait_for(generation.heard, 20)
        return [same, second is first, third is second]

    assert asyncio.run(story()) == [True, False, False]


def test_it_fetches_its_token_only_while_nobody_waits() -> None:
    asked: list[str] = []

    def count() -> int:
        asked.append("count")
        raise httpx.ConnectError("nobody listens")

    client: Any = SimpleNamespace(count_flow_runs=count)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        forkserver.greet(client, theirs)
        assert asked == ["count"]
        ours.sendall(b"{}")
        forkserver.greet(client, theirs)
        assert asked == ["count"]


def test_it_names_the_process_after_its_run() -> None:
    assert run_name(str(UUID("0192aabb-ccdd-eeff-0011-223344556677"))) == "run 0192aabbccd"


def test_it_hears_two_lines_that_arrive_as_one() -> None:
    ours, theirs = socket.socketpair()
    begun: list[str] = []
    server = forkserver.Forkserver(theirs)
    server._begin = lambda asked: begun.append(asked["run"])  # type: ignore[method-assign]
    ours.sendall(b'{"run": "a"}\n{"run": "b"}\n{"ru')
    assert server._hear()
    ours.sendall(b'n": "c"}\n')
    assert server._hear()
    ours.close()
    assert not server._hear()
    theirs.close()
    assert begun == ["a", "b", "c"]
