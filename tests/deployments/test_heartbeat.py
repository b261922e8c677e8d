"""The heartbeat goes on while schedules begin what they should, stops with them, and its address is told to nobody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from deployments import recoverer
from deployments.heartbeat import EVERY_S, Heartbeat
from deployments.ports import free_port
from flows.keepers.alarm import Alarm
from flows.keepers.clock import NO_ANSWER, NO_RUNS, Clock, Trouble
from flows.people.escalate import Escalator
from tasks.config import Config
from tasks.toml import InvalidConfig
from tests.deployments.ear import Ear, listening
from tests.flows.conftest import migrated, roles
from tests.flows.journal.conftest import Roles

__all__ = ["migrated", "roles"]

TOKEN = "5f1c0ffe-a-token-in-its-address"


@pytest.fixture
def ear() -> Iterator[Ear]:
    with listening() as ear:
        yield ear


def test_it_stops_when_the_clock_is_dead_and_goes_on_with_it(roles: Roles, ear: Ear, tmp_path: Path) -> None:
    shown: tuple[str, ...] = ()
    now = [0.0]
    said: list[str] = []
    heart = Heartbeat(SecretStr(f"http://127.0.0.1:{ear.port}/{TOKEN}"), said.append, lambda: now[0])
    teller = Escalator(roles.journal(), lambda: Config.load(tmp_path / "none.toml"), said.append)

    def clock() -> Clock:
        return Clock(troubles=tuple(Trouble(key=key, title=key, says=key, remedy="") for key in shown))

    alarm = Alarm(roles.journal(), teller, clock, said.append, heart.beat)

    def beats(*troubles: str, after_s: float = EVERY_S) -> int:
        nonlocal shown
        shown, now[0] = troubles, now[0] + after_s
        ear.beats.clear()
        alarm.look()
        return len(ear.beats)

    assert [beats(), beats(), beats(after_s=EVERY_S / 3)] == [1, 1, 0]
    assert [beats(NO_RUNS), beats(NO_RUNS), beats(NO_ANSWER)] == [0, 0, 0]
    assert beats() == 1
    assert ear.beats == [f"/{TOKEN}"]


def test_it_says_once_that_it_does_not_arrive_and_never_where_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    said: list[str] = []
    now = iter(range(0, 1000, 100))
    heart = Heartbeat(SecretStr(f"http://127.0.0.1:{free_port()}/{TOKEN}"), said.append, lambda: next(now))
    for _ in range(2):
        heart.beat()
    assert said == ["The heartbeat does not arrive. 127.0.0.1 cannot be reached: Connection refused. "]
    assert TOKEN not in caplog.text
    assert TOKEN not in f"{heart!r}"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('heartbeat = "hc-ping.com/5f1c0ffe"', "health.heartbeat: write the address that is to be asked for"),
        ('sentry_dsn = "https://o1.ingest.sentry.io/5f1c0ffe"', "health.sentry_dsn: write a project's DSN"),
        ('heartbeats = "x"', "health.heartbeats: unknown key. Did you mean 'heartbeat'?"),
        ('heartbeat = "${NOT_SET_HERE}"', "health.heartbeat: the environment variable NOT_SET_HERE is not set."),
    ],
)
def test_it_says_what_is_wrong_and_not_what_was_written(tmp_path: Path, lines: str, says: str) -> None:
    file = tmp_path / "environments.toml"
    file.write_text(f"[health]\n{lines}\n", encoding="utf-8")
    with pytest.raises(InvalidConfig) as refused:
        _ = Config.load(file).health
    assert says in str(refused.value)
    assert "5f1c0ffe" not in str(refused.value)


@pytest.mark.parametrize(("lines", "beats"), [("", False), ('[health]\nheartbeat = "http://127.0.0.1:9/x"', True)])
def test_it_beats_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, beats: bool) -> None:
    file = tmp_path / "environments.toml"
    file.write_text(lines, encoding="utf-8")
    monkeypatch.setenv("INCIDENT_CONFIG", str(file))
    heart: Callable[[], object] = recoverer.heart()
    assert isinstance(getattr(heart, "__self__", None), Heartbeat) is beats
