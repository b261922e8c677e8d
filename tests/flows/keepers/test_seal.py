"""Is the newest seal told to people, once a period, whoever fails and however often we start?"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from flows.journal import Journal, Redactor
from flows.keepers.seal import Keeper
from tasks.config import Config
from tests.flows.inbox import Inbox, opened
from tests.flows.raw import Raw

TOKEN = "canary-token-2b9d"


@dataclass
class Shelf:
    keeper: Keeper
    inbox: Inbox
    said: list[str]
    folder: Path

    def write(self) -> None:
        with self.keeper.journal.hold(f"shelf-{secrets.token_hex(4)}") as log:
            log.append("engine", "note", Raw("note", {}))

    def restarted(self) -> Keeper:
        return Keeper(self.keeper.journal, self.keeper.config, self.said.append)


@pytest.fixture
def shelf(journal_url: str, tmp_path: Path) -> Iterator[Shelf]:
    """One target, and one place that cannot be written."""
    with opened() as inbox:
        file = tmp_path / "environments.toml"
        address = f"json://u:{TOKEN}@127.0.0.1:{inbox.port}/seals"
        file.write_text(f'[record]\nanchors = ["not-there/a.jsonl", "kept.jsonl"]\nannounce = ["{address}"]\n')
        said: list[str] = []
        keeper = Keeper(Journal(SecretStr(journal_url), Redactor([])), lambda: Config.load(file), said.append)
        made = Shelf(keeper=keeper, inbox=inbox, said=said, folder=tmp_path)
        made.write()
        yield made


def began_yesterday(shelf: Shelf) -> None:
    """As if nothing had been sealed for a day."""
    shelf.keeper.look()
    newest = shelf.keeper.journal.last_seal()
    assert newest
    shelf.keeper.began = replace(newest, at="2020-01-01T00:00:00.000000Z")
    shelf.keeper.heard.clear()
    shelf.inbox.got.clear()
    shelf.write()


def test_it_announces_the_first_seal_of_a_day_and_no_other(shelf: Shelf) -> None:
    began_yesterday(shelf)
    [seal] = shelf.keeper.look()
    [message] = shelf.inbox.got
    assert message["title"] == f"Seal {seal.seal} of the incident record"
    assert message["message"].endswith(f"\nincident audit verify --anchor {seal.seal}:{seal.hash}")
    shelf.write()
    [later] = shelf.keeper.look()
    # Unless midnight passed just now.
    assert len(shelf.inbox.got) == 1 + (later.at[:10] > seal.at[:10])


def test_it_makes_no_message_of_a_restart(shelf: Shelf) -> None:
    began_yesterday(shelf)
    [seal] = shelf.keeper.look()
    for _ in range(3):
        restarted = shelf.restarted()
        restarted.look()
        assert restarted.began == seal
    assert len(shelf.inbox.got) == 1


def test_it_tries_again_who_did_not_take_it_and_goes_on_without(shelf: Shelf) -> None:
    began_yesterday(shelf)
    shelf.inbox.status = 503
    shelf.said.clear()
    [seal] = shelf.keeper.look()
    assert f"Seal {seal.seal} is anchored in {shelf.folder / 'kept.jsonl'}." in shelf.said
    [unwritten] = [line for line in shelf.said if "not-there" in line]
    assert unwritten.startswith(f"Seal {seal.seal} could not be anchored in {shelf.folder / 'not-there/a.jsonl'}")
    assert any(line.startswith(f"Seal {seal.seal} could not be announced: json (") for line in shelf.said)
    shelf.inbox.status = 200
    assert shelf.keeper.look() == []
    assert [message["title"] for message in shelf.inbox.got] == [f"Seal {seal.seal} of the incident record"]
    assert TOKEN not in "".join(shelf.said)


def test_it_seals_even_where_a_secret_is_missing(shelf: Shelf, tmp_path: Path) -> None:
    file = tmp_path / "unset.toml"
    file.write_text('[record]\nannounce = ["${INCIDENT_TEST_UNSET}"]\n')
    shelf.keeper.config = lambda: Config.load(file)
    assert len(shelf.keeper.look()) == 1
    [line] = shelf.said
    assert line.startswith("The record is sealed, and anchored nowhere.")
    assert "record.announce[0]: the environment variable INCIDENT_TEST_UNSET is not set" in line
