"""The lab's monitoring: silent until its secret changes, and then at it until what it sends is taken."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployments.lab import alerter, alerts

KEYS = {"alertmanager": "a-secret-of-the-lab-alone"}


class Ear(ThreadingHTTPServer):
    """Takes what is given the right secret, and remembers what it answered."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answered: list[int] = []


class Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        right = (
            self.path == "/alerts/lab-alertmanager"
            and self.headers["authorization"] == f"Bearer {KEYS['alertmanager']}"
        )
        ear = self.server
        assert isinstance(ear, Ear)
        ear.answered.append(200 if right else 401)
        self.send_response(ear.answered[-1])
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def ear() -> Iterator[Ear]:
    with Ear() as listening:
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield listening
        listening.shutdown()


def until(true: Callable[[], bool]) -> None:
    latest = time.monotonic() + 60
    while not true():
        assert time.monotonic() < latest
        time.sleep(0.05)


def test_it_sends_what_was_refused_again_with_the_secret_it_had_before(ear: Ear, tmp_path: Path) -> None:
    folder = tmp_path / "alerter"
    alerts.prepare(folder, ear.server_port, KEYS)
    secret = folder / alerter.SECRET
    assert secret.stat().st_mode & 0o077 == 0
    right, log = secret.read_text(encoding="utf-8"), tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-P", alerter.__file__, str(folder)], stdout=out)
    try:
        # It begins with the secret that it has, whenever it begins: the first wrong one it sees is a change.
        wrong = 0
        while not ear.answered:
            wrong += 1
            assert wrong < 100
            secret.write_text(f"wrong-{wrong}\n", encoding="utf-8")
            time.sleep(0.5)
        until(lambda: len(ear.answered) >= 2)
        assert set(ear.answered) == {401}
        secret.write_text(right, encoding="utf-8")
        until(lambda: 200 in ear.answered)
    finally:
        process.terminate()
        process.wait()
    assert ear.answered.count(200) == 1
    assert log.read_text() == "refused with 401\ntaken\n"
