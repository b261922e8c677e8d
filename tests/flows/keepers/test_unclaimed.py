"""Of an urgent alert that nobody claims people are told once, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from flows.journal import Journal, Redactor
from flows.journal.taking import Told, take
from flows.keepers.unclaimed import Unclaimed
from flows.people.escalate import Escalator
from tasks.config import Config
from tests.flows.inbox import Inbox, opened
from tests.flows.journal.conftest import Roles


@dataclass
class Desk:
    """Where alerts come in that no runbook claims."""

    journal: Journal
    url: str
    file: Path
    inbox: Inbox

    def came(self, severity: str, fingerprint: str = "a", *, firing: bool = True, runbook: str = "") -> None:
        told = Told(
            fingerprint=fingerprint,
            firing=firing,
            title=f"Disk of {fingerprint}",
            severity=severity,
            service="",
            environment="here",
            runbook=runbook,
            why="No rule fits.",
        )
        delivery = f"{fingerprint}/{len(self.journal.alerts.newest())}"
        with psycopg.connect(self.url) as session:
            assert take(session, {"here": Redactor([])}, "sentry", delivery, [told])

    def told(self) -> list[str]:
        """Who was told what by a recoverer that begins just now."""
        Unclaimed(self.journal, Escalator(self.journal, lambda: Config.load(self.file), print)).look()
        said = sorted(f"{message['to']}: {message['title']}: {message['message']}" for message in self.inbox.got)
        self.inbox.got.clear()
        return said


@pytest.fixture
def desk(roles: Roles, tmp_path: Path) -> Iterator[Desk]:
    with opened() as inbox:
        file = tmp_path / "environments.toml"
        ana, zoe = (f'"json://127.0.0.1:{inbox.port}/{name}"' for name in ("ana", "zoe"))
        file.write_text(f'[environments.here]\nkind = "staging"\nroutes = {{ on-call = [{ana}], senior = [{zoe}] }}\n')
        yield Desk(roles.journal(), roles.runner_url, file, inbox)


def test_who_is_on_call_hears_of_p1_and_the_senior_of_p0_too_each_once(desk: Desk) -> None:
    desk.came("P1", "a")
    (said,) = desk.told()
    assert said.startswith("ana: P1 here: an alert that no runbook claims: sentry: Disk of a\n\nNo rule fits.")
    assert said.endswith("incident alerts replay 1")
    desk.came("P1", "a")
    assert desk.told() == []
    desk.came("P0", "b")
    assert [one.partition(":")[0] for one in desk.told()] == ["ana", "zoe"]
    assert desk.told() == []


def test_nobody_hears_of_what_is_not_urgent_is_over_or_is_claimed(desk: Desk) -> None:
    desk.came("P2", "a")
    desk.came("", "b")
    desk.came("P0", "c", firing=False)
    desk.came("P0", "d", runbook="database/slow-queries")
    assert desk.told() == []
    assert desk.journal.read("unclaimed/here") == ()
