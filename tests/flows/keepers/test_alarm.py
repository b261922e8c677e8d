"""Are people told once that schedules begin nothing, and once that they do again, whatever is restarted meanwhile?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from flows.journal import Journal, broken
from flows.keepers import alarm
from flows.keepers.alarm import Alarm
from flows.keepers.clock import NO_ANSWER, NO_RUNS, NO_WORKER, Clock, Trouble
from flows.people import escalate
from flows.people.escalate import RETRY_S, Escalator
from flows.run.clock import now
from tasks.config import Config
from tests.flows.inbox import Inbox, opened
from tests.flows.journal.conftest import Roles


@dataclass
class Watch:
    """A watcher whose clock shows what it is told to."""

    journal: Journal
    file: Path
    inbox: Inbox
    shown: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start_again()

    def start_again(self) -> None:
        teller = Escalator(self.journal, lambda: Config.load(self.file), self.said.append)
        self.alarm = Alarm(self.journal, teller, self._clock, self.said.append)

    def _clock(self) -> Clock:
        return Clock(troubles=tuple(Trouble(key=k, title=k, says=f"{k} it is.", remedy="mend it") for k in self.shown))

    def look(self, *shown: str) -> list[str]:
        """Who was told what after a look that saw this."""
        self.shown = shown
        self.alarm.look()
        told = sorted(f"{message['to']}: {message['title']}" for message in self.inbox.got)
        self.inbox.got.clear()
        return told


@pytest.fixture
def watch(roles: Roles, tmp_path: Path) -> Iterator[Watch]:
    """Two environments: one person is on call in both, one in `there` only."""
    with opened() as inbox:
        file = tmp_path / "environments.toml"
        ana, zoe = (f'"json://127.0.0.1:{inbox.port}/{name}"' for name in ("ana", "zoe"))
        file.write_text(
            f'[environments.here]\nkind = "staging"\nroutes = {{ on-call = [{ana}], manager = [{zoe}] }}\n'
            f'[environments.there]\nkind = "staging"\nroutes = {{ on-call = [{ana}, {zoe}] }}\n'
        )
        yield Watch(roles.journal(), file, inbox)


def test_it_tells_everybody_on_call_once_when_a_trouble_stands_for_two_looks(watch: Watch) -> None:
    assert watch.look(NO_RUNS) == []
    assert watch.look(NO_RUNS) == ["ana: Incident Pipelines: no-runs", "zoe: Incident Pipelines: no-runs"]
    assert watch.look(NO_RUNS) == []
    assert watch.said[0] == "trouble: no-runs. no-runs it is.\n\nmend it"


def test_it_is_silent_about_what_is_gone_at_the_next_look(watch: Watch) -> None:
    for shown in ((NO_RUNS,), (), (NO_RUNS,), ()):
        assert watch.look(*shown) == []
    assert watch.journal.read("clock/no-runs") == ()


def test_it_tells_once_that_it_is_mended_and_anew_when_it_comes_again(watch: Watch) -> None:
    watch.look(NO_RUNS)
    watch.look(NO_RUNS)
    assert watch.look() == []
    assert watch.look() == ["ana: Mended: no-runs", "zoe: Mended: no-runs"]
    assert watch.look() == []
    watch.look(NO_RUNS)
    assert len(watch.look(NO_RUNS)) == 2
    entries = watch.journal.read("clock/no-runs")
    assert [e.kind for e in entries if e.kind != "told"] == ["trouble", "mended", "trouble"]
    assert broken(entries) is None


def test_it_tells_nobody_twice_after_a_restart(watch: Watch) -> None:
    watch.look(NO_WORKER)
    watch.look(NO_WORKER)
    for _ in range(2):
        watch.start_again()
        assert watch.look(NO_WORKER) == []
        assert watch.look(NO_WORKER) == []
    watch.start_again()
    # One look after a restart does not tell that it was gone before.
    assert watch.look() == []
    assert len(watch.look()) == 2


def test_it_calls_nothing_mended_while_prefect_does_not_answer(watch: Watch) -> None:
    watch.look(NO_WORKER)
    watch.look(NO_WORKER)
    assert watch.look(NO_ANSWER) == []
    assert [told.partition(": ")[2] for told in watch.look(NO_ANSWER)] == ["Incident Pipelines: prefect"] * 2
    assert watch.look(NO_ANSWER, NO_WORKER) == []
    assert watch.look(NO_WORKER) == []
    assert watch.look(NO_WORKER) == ["ana: Mended: prefect", "zoe: Mended: prefect"]


def test_it_tries_again_what_did_not_arrive(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.inbox.status = 503
    watch.look(NO_RUNS)
    assert watch.look(NO_RUNS) == []
    watch.inbox.status = 200
    assert watch.look(NO_RUNS) == []
    monkeypatch.setattr(escalate, "now", lambda: now() + timedelta(seconds=RETRY_S[0] + 1))
    assert len(watch.look(NO_RUNS)) == 2


def test_it_tells_no_old_news(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    watch.look(NO_RUNS)
    watch.look(NO_RUNS)
    watch.inbox.status = 503
    watch.look()
    watch.look()
    watch.inbox.status = 200
    monkeypatch.setattr(alarm, "now", lambda: now() + timedelta(minutes=16))
    watch.start_again()
    assert watch.look() == []
