"""Can nobody let an incident go in another way: without its tombstone, its seal, its export, or its time?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from flows.journal import (
    CannotRemove,
    JournalUnavailable,
    Tombstone,
    unlike_exports,
)
from flows.keepers.retire import removable, retire
from tests.flows.journal.conftest import Roles
from tests.flows.journal.graves import MEASURED, YEAR, anchored, audited, owner, removed, retired, tombstone
from tests.flows.journal.old import insert


@pytest.mark.parametrize(
    ("incident", "sealed", "says"),
    [("inc-open", True, "is not closed, or was removed"), ("inc-1", False, "no seal covers its entry 4")],
)
def test_it_refuses_a_tombstone_that_nothing_stands_behind(aged: Roles, incident: str, sealed: bool, says: str) -> None:
    journal = aged.journal()
    if sealed:
        journal.seal()
    with pytest.raises(errors.CheckViolation, match=says):
        insert(aged.runner_url, tombstone(journal.read(incident)[-1]))


def test_it_lets_the_running_role_write_tombstones_and_remove_nothing(aged: Roles, tmp_path: Path) -> None:
    retired(aged, tmp_path)
    with pytest.raises(CannotRemove, match="may remove nothing: only the owner"):
        removable(aged.journal(), tmp_path, YEAR, None)
    found = removable(owner(aged), tmp_path, YEAR, None)
    with pytest.raises(JournalUnavailable, match="refuses this role"):
        list(aged.journal().retention.remove(one.tombstone for one in found.entombed))
    assert len(aged.journal().read("inc-1")) == 5


@pytest.mark.parametrize("who", ["owner_url", "admin_url"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM incident.entries",
        "DELETE FROM incident.entries WHERE incident IN ('inc-1', 'inc-new')",
        "DELETE FROM incident.entries WHERE incident = 'inc-open'",
        "DELETE FROM incident.entries WHERE incident = 'inc-1'",
        "DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq < 4",
        "DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq BETWEEN 2 AND 4",
        "DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq IN (1, 2, 4)",
        "WITH gone AS (DELETE FROM incident.entries WHERE incident = 'inc-new' RETURNING *) SELECT * FROM gone",
        "TRUNCATE incident.entries",
        "UPDATE incident.entries SET kind = 'note' WHERE kind = 'retired'",
        "DELETE FROM incident.measurements",
    ],
)
def test_it_lets_even_the_owner_remove_only_all_that_a_tombstone_stands_for(
    aged: Roles, tmp_path: Path, who: str, statement: str
) -> None:
    retired(aged, tmp_path)
    with psycopg.connect(getattr(aged, who)) as session:
        session.execute(MEASURED)
        if who == "admin_url":
            session.execute("SET session_replication_role = replica")
        with pytest.raises(errors.RestrictViolation, match="only grows"):
            session.execute(statement.encode())


def test_it_refuses_removal_until_a_seal_covers_the_tombstone(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    done = retire(journal, tmp_path, YEAR, journal.seal)
    next(done)  # stopped, as by a crash, before the tombstones were sealed
    found = removable(owner(aged), tmp_path, YEAR, None)
    assert (len(found.entombed), {one.says[:12] for one in found.refused}) == (0, {"No seal cove"})
    with psycopg.connect(aged.owner_url) as session, pytest.raises(errors.RestrictViolation, match="only grows"):
        session.execute("DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq < 5")
    old_anchors = anchored(journal)
    journal.seal()
    waiting = removable(owner(aged), tmp_path, YEAR, old_anchors)
    assert (len(waiting.entombed), {one.says[:38] for one in waiting.refused}) == (
        0,
        {"Seal 2, which covers its tombstone, is"},
    )
    assert len(removable(owner(aged), tmp_path, YEAR, anchored(journal)).entombed) == 2


def test_it_refuses_what_is_too_young_to_go(aged: Roles, tmp_path: Path) -> None:
    """Whoever has the running role's password may retire what ended yesterday; the owner's command looks again."""
    journal = aged.journal()
    journal.seal()
    insert(aged.runner_url, tombstone(journal.read("inc-new")[-1]))
    journal.seal()
    found = removable(owner(aged), tmp_path, YEAR, None)
    [one] = found.refused
    assert (one.where, one.says[-16:], found.entombed) == ("inc-new", "too young to go.", [])


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda file: file.unlink(), "is not in"),
        (lambda file: file.write_text(file.read_text().replace('"engine"', '"mallory"', 1)), "its sha256 is"),
        (lambda file: file.write_text(file.read_text()[:-20]), "its sha256 is"),
    ],
)
def test_it_refuses_removal_without_the_true_export(
    aged: Roles, tmp_path: Path, harm: Callable[[Path], object], says: str
) -> None:
    retired(aged, tmp_path)
    [file] = tmp_path.glob("retired-*.jsonl")
    harm(file)
    found = removable(owner(aged), tmp_path, YEAR, None)
    assert found.entombed == []
    assert {one.where for one in found.refused} == {"inc-1", "inc-2"}
    assert all(says in one.says for one in found.refused), found.refused


@pytest.mark.parametrize("name", ["../gone.jsonl", "/etc/passwd", "", "..", "gone.jsonl/"])
def test_it_opens_no_file_but_in_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (tmp_path / "gone.jsonl").write_text("")
    grave = Tombstone(incident="inc-1", seq=5, at="", prev="a" * 64, file=name, sha256="b" * 64)
    [one] = unlike_exports([grave], folder)
    assert one.says == f"Its export {name!r} is not in {folder}."


def test_it_finds_a_true_export_that_holds_another_incident(aged: Roles, tmp_path: Path) -> None:
    retired(aged, tmp_path)
    [grave] = [Tombstone.of(entry) for entry in aged.journal().read("inc-1")[-1:]]
    for forged in (replace(grave, incident="inc-9"), replace(grave, seq=4), replace(grave, prev="a" * 64)):
        [one] = unlike_exports([forged], tmp_path)
        assert "does not hold the" in one.says


def test_it_takes_no_head_that_the_running_role_wrote_for_a_seal(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    next(retire(journal, tmp_path, YEAR, journal.seal))
    with psycopg.connect(aged.runner_url) as session:
        session.execute("INSERT INTO incident.heads SELECT 2, incident, seq, hash FROM incident.entries WHERE seq = 5")
    assert removable(owner(aged), tmp_path, YEAR, None).entombed == []
    with psycopg.connect(aged.owner_url) as session, pytest.raises(errors.RestrictViolation, match="only grows"):
        session.execute("DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq < 5")
    journal.seal()
    assert audited(journal)[1] == []
    assert removed(aged, tmp_path) == 8
