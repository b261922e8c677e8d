"""Is it found what was done to an incident that was let go, by whoever owns the tables?"""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.journal import (
    Entry,
)
from flows.journal.chain import chained
from flows.journal.entry import written
from flows.keepers.retire import retire
from tests.flows.journal.conftest import Roles
from tests.flows.journal.graves import YEAR, audited, tombstone
from tests.flows.journal.test_audit import as_owner

INSERT_INTO = "INSERT INTO incident.entries VALUES "


def values(entry: Entry) -> str:
    body = written(entry.body)
    return (
        f"('{entry.incident}', {entry.seq}, '{entry.at}', '{entry.actor}', '{entry.kind}', '{entry.key}', '{body}', "
        f"'{entry.prev}', '{entry.hash}')"
    )


FOUNDED = chained(
    incident="inc-1",
    seq=1,
    at="2024-03-01T02:00:00.000001Z",
    actor="mallory",
    kind="opened",
    key="opened",
    body={},
    prev="0" * 64,
)


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (["DELETE FROM incident.entries WHERE incident = 'inc-1'"], "The whole incident is missing"),
        (["UPDATE incident.entries SET actor = 'mallory' WHERE incident = 'inc-1'"], "altered"),
        (["""UPDATE incident.entries SET body = '{"file":"x"}' WHERE incident = 'inc-1'"""], "altered"),
        (["UPDATE incident.entries SET kind = 'note' WHERE incident = 'inc-1'"], "Entries 1 to 4 are missing"),
        (["UPDATE incident.entries SET prev = repeat('a', 64) WHERE incident = 'inc-1'"], "altered"),
        (["DELETE FROM incident.entries WHERE incident = 'inc-1'", INSERT_INTO + values(FOUNDED)], "cut off"),
        (
            [
                "INSERT INTO incident.entries SELECT incident, 4, at, actor, 'note', 'n', body, prev, hash "
                "FROM incident.entries WHERE incident = 'inc-1'"
            ],
            "Entries 1 to 3 are missing",
        ),
        (["DELETE FROM incident.heads WHERE (incident, seq) = ('inc-1', 5)"], "no seal covers its tombstone"),
        (["DELETE FROM incident.heads WHERE (incident, seq) = ('inc-1', 4)"], "no seal covers the 4 entries"),
    ],
)
def test_it_finds_what_the_owner_did_to_a_retired_incident(gone: Roles, statements: list[str], says: str) -> None:
    as_owner(gone, *statements)
    _, wrong = audited(gone.journal())
    assert any(where == "inc-1" and says in said for where, said in wrong), wrong


def test_it_finds_an_incident_removed_before_its_tombstone_was_sealed(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    next(retire(journal, tmp_path, YEAR, journal.seal))
    as_owner(aged, "DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq < 5")
    audit, wrong = audited(journal)
    assert wrong == [("inc-1", "Its entries were removed, and no seal covers its tombstone.")]
    # The other tombstone, and this one.
    assert audit.unsealed == 2


def test_it_finds_a_tombstone_over_what_was_never_sealed(aged: Roles) -> None:
    journal = aged.journal()
    last = journal.read("inc-1")[-1]
    as_owner(
        aged,
        INSERT_INTO + values(tombstone(last)),
        "DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq < 5",
    )
    journal.seal()
    assert audited(journal)[1] == [
        ("inc-1", "Its entries were removed, and no seal covers the 4 entries it is said to have had.")
    ]


def test_it_finds_a_tombstone_that_stands_for_another_story(aged: Roles) -> None:
    journal = aged.journal()
    journal.seal()
    entry = tombstone(journal.read("inc-1")[-1], prev="b" * 64)
    as_owner(aged, "DELETE FROM incident.entries WHERE incident = 'inc-1'", INSERT_INTO + values(entry))
    journal.seal()
    [(where, says)] = audited(journal)[1]
    assert (where, says[:57]) == ("inc-1", "Its tombstone does not follow the entry that seal 1 of 20")
