"""The fence, in a process of its own: whoever loses the lock in the middle of a change is dead at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.conftest import Server
from tests.deployments.processes import alive, wait_until
from tests.flows.journal.conftest import Roles, copied

ACT = """
import subprocess, sys, time
from pydantic import SecretStr
from flows.step import fence
from flows.journal import Journal, Redactor

fence.ASKED_EVERY_S, fence.ANSWERS_WITHIN_S = 0.1, 1.0
with Journal(SecretStr(sys.argv[1]), Redactor([])).hold("i") as log, fence.fenced(log):
    begun = subprocess.Popen(["sleep", "60"])
    print(log._session.info.backend_pid, begun.pid, flush=True)
    sys.stdin.readline()
    begun.kill()
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def roles(postgres18: Server, migrated: Roles) -> Iterator[Roles]:
    with copied(postgres18, migrated) as found:
        yield found


@contextmanager
def acting(roles: Roles) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """A process in the middle of a change, its database session, and a program it has started."""
    command = [sys.executable, "-c", ACT, roles.runner_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        session, begun = map(int, process.stdout.readline().split())
        try:
            yield process, session, begun
        finally:
            process.kill()


def test_it_lets_live_who_holds_the_lock(roles: Roles) -> None:
    with acting(roles) as (process, _, _):
        assert process.communicate("go on\n", timeout=30)[0] == "done\n"
        assert process.returncode == 0


def test_it_ends_who_lost_the_lock_and_all_it_started(roles: Roles) -> None:
    with acting(roles) as (process, session, begun):
        with psycopg.connect(roles.admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s)", [session])
        assert process.wait(30) == -signal.SIGKILL
        wait_until(lambda: not alive([begun]), "what it started has ended")


def test_it_ends_who_hears_nothing_from_the_journal(roles: Roles) -> None:
    """A server that hangs, or a network that swallows all: another machine may have become the primary."""
    with acting(roles) as (process, session, begun):
        os.kill(session, signal.SIGSTOP)
        try:
            assert process.wait(30) == -signal.SIGKILL
            wait_until(lambda: not alive([begun]), "what it started has ended")
        finally:
            os.kill(session, signal.SIGCONT)
