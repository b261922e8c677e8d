"""A watch that cannot look: do people see it, are they told once, and once more when it can look again?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.journal import Journal, broken
from flows.keepers.alarm import Alarm
from flows.keepers.blind import blind, blind_chains, heed
from flows.keepers.clock import Clock
from flows.people.escalate import Escalator
from tasks.config import Config
from tasks.model import Finding, Verdict
from tests.flows.inbox import Inbox, opened
from tests.flows.journal.conftest import Roles

CHECK = "check_lamp_is_lit"
UNSEEN = Finding.unknown("The lamp does not answer.", remedy="Plug it in.")
WELL = Finding(verdict=Verdict.OK, says="The lamp is on.")


@dataclass
class Post:
    """Looks, and what arrives of them."""

    journal: Journal
    file: Path
    inbox: Inbox
    here: str

    def look(self, *findings: Finding, told_after: int = 3) -> None:
        for finding in findings:
            heed(self.journal, self.here, CHECK, finding, told_after, blind_chains(self.journal, self.here))

    def told(self) -> list[tuple[str, str]]:
        """Who was told what since the last time, by a recoverer that has just been started."""
        teller = Escalator(self.journal, lambda: Config.load(self.file), lambda _: None)
        Alarm(self.journal, teller, lambda: Clock(troubles=()), lambda _: None).look()
        got = sorted((message["to"], message["title"]) for message in self.inbox.got)
        self.texts = [message["message"] for message in self.inbox.got]
        self.inbox.got.clear()
        return got

    def kinds(self) -> list[str]:
        entries = self.journal.read(f"blind/{self.here}/{CHECK}")
        assert not entries or broken(entries) is None
        return [entry.kind for entry in entries if entry.kind != "told"]

    def doctor(self) -> list[Finding]:
        return list(blind(self.journal, self.here, {CHECK}))


@pytest.fixture
def post(roles: Roles, tmp_path: Path) -> Iterator[Post]:
    with opened() as inbox:
        here = "attic/left"
        file = tmp_path / "environments.toml"
        file.write_text(
            f'[environments."{here}"]\nkind = "staging"\n'
            f'routes = {{ on-call = ["json://127.0.0.1:{inbox.port}/ana"] }}\n'
            f'[environments.there]\nkind = "staging"\n'
            f'routes = {{ on-call = ["json://127.0.0.1:{inbox.port}/zoe"] }}\n'
        )
        yield Post(roles.journal(), file, inbox, here)


def test_it_tells_whoever_is_on_call_there_once_and_once_more_when_it_looks_again(post: Post) -> None:
    post.look(UNSEEN, UNSEEN)
    assert post.told() == []
    post.look(UNSEEN)
    title = f"the watch {CHECK} cannot look in {post.here}"
    assert post.told() == [("ana", f"Incident Pipelines: {title}")]
    assert post.texts == [
        f"{CHECK} could not look 3 times in a row: nobody would hear of what it watches. "
        "The lamp does not answer.\n\nPlug it in."
    ]
    post.look(UNSEEN, UNSEEN)
    assert post.told() == []
    post.look(WELL)
    assert post.told() == [("ana", f"Mended: {title}")]
    assert post.texts == ["It looks again: OK The lamp is on."]
    post.look(WELL)
    assert post.told() == []
    # However long either stands, nothing more is written.
    assert post.kinds() == ["could not look", "could not look", "trouble", "mended"]


def test_it_counts_looks_in_a_row_only(post: Post) -> None:
    post.look(UNSEEN, UNSEEN, WELL, UNSEEN, UNSEEN)
    assert post.told() == []
    post.look(UNSEEN)
    assert len(post.told()) == 1


@pytest.mark.parametrize(("told_after", "kind"), [(1, "trouble"), (2, "could not look")])
def test_it_is_told_as_early_as_its_watch_declares(post: Post, told_after: int, kind: str) -> None:
    post.look(UNSEEN, told_after=told_after)
    assert post.kinds() == [kind]


def test_it_writes_nothing_where_all_can_look(post: Post) -> None:
    post.look(WELL, WELL)
    assert blind_chains(post.journal, post.here) == []


@pytest.mark.parametrize(
    ("looks", "says"),
    [
        ([], None),
        ([UNSEEN], "could not look the last time"),
        ([UNSEEN, UNSEEN], "could not look 2 times in a row"),
        ([UNSEEN] * 5, "could not look 3 times in a row or more"),
        ([UNSEEN, WELL], None),
        ([UNSEEN] * 3 + [WELL], None),
    ],
)
def test_the_doctor_says_which_cannot_look(post: Post, looks: list[Finding], says: str | None) -> None:
    post.look(*looks)
    found = post.doctor()
    assert len(found) == (says is not None)
    for finding in found:
        assert finding.says.startswith(f"The watch {CHECK} {says}, since 2")
        assert finding.says.endswith(" UTC. The lamp does not answer.")
        assert (finding.verdict, finding.remedy) == (Verdict.UNKNOWN, "Plug it in.")
    assert list(blind(post.journal, post.here, set())) == []
