"""Can the record be changed by its owner, or replaced by an older one, without the audit telling where?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors

from flows.journal import Audit, Exported, Journal, NotAnExport, complaints, lines
from flows.journal.chain import chained
from tests.flows.journal.conftest import Roles
from tests.flows.raw import Raw


def write(journal: Journal, incident: str, count: int = 3) -> None:
    with journal.hold(incident) as log:
        for n in range(len(log.entries), len(log.entries) + count):
            log.append("engine", f"n{n}", Raw("note", {"n": n, "text": "naïve “quoted” \u2028 \\ 1e400", "x": 1e16}))


def found(journal: Journal, anchors: dict[int, str] | None = None) -> list[tuple[str, str]]:
    with journal.record() as record:
        return [(one.where, one.says) for one in complaints(record, Audit(), anchors)]


def counted(journal: Journal) -> Audit:
    audit = Audit()
    with journal.record() as record:
        assert list(complaints(record, audit)) == []
    return audit


@pytest.fixture
def sealed(roles: Roles) -> Roles:
    """Three incidents, two seals, and an entry after the last."""
    journal = roles.journal()
    for incident in ("inc-1", "inc-2", "inc-3"):
        write(journal, incident)
    journal.seal()
    write(journal, "inc-2", 2)
    journal.seal()
    write(journal, "inc-3", 1)
    return roles


def as_owner(roles: Roles, *statements: str) -> None:
    """What only somebody who owns the database can do."""
    with psycopg.connect(roles.admin_url) as admin:
        for statement in (*_triggers("DISABLE"), *statements, *_triggers("ENABLE ALWAYS")):
            admin.execute(statement.encode())


def _triggers(how: str) -> list[str]:
    names = {
        "entries": ("entry_follows", "only_grows", "goes_when_retired", "tombstone_fits", "not_in_the_future"),
        "heads": ("follows", "only_grows"),
        "seals": ("follows", "only_grows", "not_in_the_future"),
    }
    return [f"ALTER TABLE incident.{table} {how} TRIGGER {name}" for table in names for name in names[table]]


def test_it_seals_what_grew_and_nothing_else(roles: Roles) -> None:
    journal = roles.journal()
    assert journal.seal() == []
    write(journal, "inc-1")
    write(journal, "inc-2")
    [first] = journal.seal()
    assert (first.seal, first.heads, first.prev) == (1, 2, "0" * 64)
    assert journal.seal() == []
    write(journal, "inc-2", 1)
    [second] = journal.seal()
    assert (second.seal, second.heads, second.prev) == (2, 1, first.hash)
    assert journal.last_seal() == second


def test_it_finds_nothing_wrong_with_what_was_written(sealed: Roles) -> None:
    audit = counted(sealed.journal())
    assert (audit.entries, audit.incidents, audit.seals, audit.unsealed) == (12, 3, 2, 1)


@pytest.mark.parametrize(
    ("statement", "where", "says"),
    [
        ("UPDATE incident.entries SET actor = 'mallory' WHERE (incident, seq) = ('inc-1', 2)", "inc-1", "altered"),
        ("DELETE FROM incident.entries WHERE (incident, seq) = ('inc-1', 2)", "inc-1", "Entry 2 is missing"),
        ("DELETE FROM incident.entries WHERE incident = 'inc-1' AND seq > 1", "inc-1", "Its end is cut off: seal 1"),
        ("DELETE FROM incident.entries WHERE incident = 'inc-1'", "inc-1", "The whole incident is missing: seal 1"),
        ("DELETE FROM incident.entries WHERE incident = 'inc-3'", "inc-3", "The whole incident is missing: seal 1"),
        (
            "UPDATE incident.entries SET seq = 9 WHERE (incident, seq) = ('inc-1', 2);"
            "UPDATE incident.entries SET seq = 2 WHERE (incident, seq) = ('inc-1', 3);"
            "UPDATE incident.entries SET seq = 3 WHERE (incident, seq) = ('inc-1', 9)",
            "inc-1",
            "Entry 2 (note, ",
        ),
        (
            "INSERT INTO incident.entries SELECT incident, 4, at, actor, kind, 'slipped in', body, prev, hash "
            "FROM incident.entries WHERE (incident, seq) = ('inc-1', 3)",
            "inc-1",
            "Entry 4 (note, ",
        ),
        (
            "INSERT INTO incident.entries SELECT 'inc-0', seq, at, actor, kind, key, body, prev, hash "
            "FROM incident.entries WHERE incident = 'inc-1'",
            "inc-0",
            "altered",
        ),
        ("DELETE FROM incident.seals WHERE seal = 1", "seal 2", "Seal 1 is missing"),
        ("UPDATE incident.seals SET at = '2020-01-01T00:00:00.000000Z' WHERE seal = 1", "seal 1", "altered"),
        ("DELETE FROM incident.heads WHERE (seal, incident) = (1, 'inc-1')", "seal 1", "What it covers"),
        ("UPDATE incident.heads SET hash = repeat('a', 64) WHERE (seal, incident) = (1, 'inc-1')", "seal 1", "covers"),
    ],
)
def test_it_finds_what_the_owner_changed(sealed: Roles, statement: str, where: str, says: str) -> None:
    as_owner(sealed, statement)
    told = found(sealed.journal())
    assert where in [place for place, _ in told]
    assert any(says in said for place, said in told if place == where), told


def rewritten(roles: Roles, incident: str) -> None:
    """The incident's whole chain made anew, with another story, each hash right."""
    journal = roles.journal()
    prev = "0" * 64
    statements = []
    for entry in journal.read(incident):
        fields: dict[str, Any] = {**vars(entry), "actor": "mallory", "prev": prev}
        fields.pop("hash")
        forged = chained(**fields)
        prev = forged.hash
        statements.append(
            f"UPDATE incident.entries SET actor = 'mallory', prev = '{forged.prev}', hash = '{forged.hash}' "  # noqa: S608
            f"WHERE (incident, seq) = ('{incident}', {entry.seq})"
        )
    as_owner(roles, *statements)


def test_it_finds_an_incident_that_was_written_anew(sealed: Roles) -> None:
    rewritten(sealed, "inc-2")
    [(where, says)] = found(sealed.journal())
    assert where == "inc-2"
    assert says.startswith("Entry 3 is not the one that seal 1 of 20")


def test_it_tells_an_older_backup_by_the_anchor(sealed: Roles) -> None:
    journal = sealed.journal()
    newest = journal.last_seal()
    assert newest
    anchors = {newest.seal: newest.hash}
    assert found(journal, anchors) == []
    as_owner(
        sealed,
        "DELETE FROM incident.heads WHERE seal = 2",
        "DELETE FROM incident.seals WHERE seal = 2",
        "DELETE FROM incident.entries WHERE incident = 'inc-2' AND seq > 3",
        "DELETE FROM incident.entries WHERE incident = 'inc-3' AND seq > 3",
    )
    assert found(journal) == []
    [(where, says)] = found(journal, anchors)
    assert (where, says[:41]) == ("seal 2", "1 anchored seals, the newest number 2, ar")


def test_it_tells_seals_made_anew_by_the_anchor(sealed: Roles) -> None:
    journal = sealed.journal()
    with journal.record() as record:
        anchors = {seal.seal: seal.hash for seal, _ in record.seals()}
    rewritten(sealed, "inc-2")
    as_owner(sealed, "DELETE FROM incident.heads", "DELETE FROM incident.seals")
    journal.seal()
    assert found(journal) == []
    told = found(journal, anchors)
    assert [where for where, _ in told] == ["seal 1", "seal 2"]
    assert "not the one that was anchored" in told[0][1]


def test_it_finds_nothing_of_what_is_written_anew_since_the_last_anchor(sealed: Roles) -> None:
    """The limit, which the README tells: between two anchors the owner of the database is believed."""
    journal = sealed.journal()
    with journal.record() as record:
        first, second = ({seal.seal: seal.hash} for seal, _ in record.seals())
    newer = "(SELECT incident, seq FROM incident.heads WHERE seal = 2)"
    as_owner(
        sealed,
        f"DELETE FROM incident.entries WHERE (incident, seq) IN {newer}",  # noqa: S608
        "DELETE FROM incident.heads WHERE seal = 2",
        "DELETE FROM incident.seals WHERE seal = 2",
    )
    write(journal, "inc-2", 1)
    journal.seal()
    assert found(journal, first) == []
    assert [where for where, _ in found(journal, second)] == ["seal 2"]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE incident.seals SET heads = 1", errors.InsufficientPrivilege),
        ("DELETE FROM incident.seals", errors.InsufficientPrivilege),
        ("TRUNCATE incident.heads", errors.InsufficientPrivilege),
        ("INSERT INTO incident.heads VALUES (3, 'inc-1', 9, repeat('a', 64))", errors.CheckViolation),
        (
            "INSERT INTO incident.heads SELECT 2, incident, seq, hash FROM incident.entries LIMIT 1",
            errors.SerializationFailure,
        ),
        (
            "INSERT INTO incident.seals SELECT 3, at, 1, digest, hash, hash FROM incident.seals WHERE seal = 2",
            errors.CheckViolation,
        ),
        (
            "INSERT INTO incident.seals SELECT 5, at, 1, digest, hash, hash FROM incident.seals WHERE seal = 2",
            errors.SerializationFailure,
        ),
    ],
)
def test_it_lets_the_running_role_add_no_false_seal(sealed: Roles, statement: str, error: type[Exception]) -> None:
    with psycopg.connect(sealed.runner_url) as session, pytest.raises(error):
        session.execute(statement.encode())


def test_it_makes_several_seals_when_one_would_be_too_long(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.journal.seal.MOST_HEADS", 2)
    journal = roles.journal()
    for n in range(5):
        write(journal, f"inc-{n}", 1)
    assert [seal.heads for seal in journal.seal()] == [2, 2, 1]
    assert counted(journal).unsealed == 0


Edit = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def exported(sealed: Roles, tmp_path: Path) -> Path:
    file = tmp_path / "record.jsonl"
    with sealed.journal().record() as record:
        file.write_text("\n".join(lines(record)) + "\n", encoding="utf-8")
    return file


def told(file: Path, anchors: dict[int, str] | None = None) -> list[tuple[str, str]]:
    return [(one.where, one.says) for one in complaints(Exported(file), Audit(), anchors)]


def edit(file: Path, change: Edit) -> None:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").rstrip("\n").split("\n")]
    change(rows)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_it_verifies_an_export_without_a_database(exported: Path) -> None:
    audit = Audit()
    assert list(complaints(Exported(exported), audit)) == []
    assert (audit.entries, audit.incidents, audit.seals, audit.unsealed) == (12, 3, 2, 1)


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        (lambda rows: rows[3]["entry"].update(actor="mallory"), "inc-1", "altered"),
        (lambda rows: rows[3]["entry"]["body"].update(n=True), "inc-1", "altered"),
        (lambda rows: rows.insert(3, rows.pop(4)), "inc-1", "missing"),
        (lambda rows: rows.insert(3, rows.pop(-2)), "inc-3", "missing"),
        (lambda rows: rows[1]["heads"].pop(), "seal 1", "What it covers"),
        (lambda rows: rows.insert(1, rows.pop(2)), "seal 2", "Seal 1 is missing"),
    ],
)
def test_it_finds_what_was_changed_in_an_export(exported: Path, change: Edit, where: str, says: str) -> None:
    edit(exported, change)
    assert any(place == where and says in said for place, said in told(exported)), told(exported)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.pop(), "cut off"),
        (lambda rows: rows.pop(3), "lines were removed or added"),
        (lambda rows: rows[3]["entry"].pop("hash"), "line 4: cannot be read"),
        (lambda rows: rows[3].update(entry=7), "line 4: cannot be read"),
        (lambda rows: rows[0].update(format=9), "no export of ours"),
        (lambda rows: rows.clear(), "no export of ours"),
    ],
)
def test_it_says_which_line_is_no_export(exported: Path, change: Edit, says: str) -> None:
    edit(exported, change)
    with pytest.raises(NotAnExport, match=says):
        told(exported)


def test_it_exports_some_incidents_with_what_verifies_them(sealed: Roles, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    journal = sealed.journal()
    since = journal.read("inc-2")[-1].at
    for only, from_then, incidents in (((), since, 2), (("inc-2",), None, 1)):
        with journal.record(only=only, since=from_then) as record:
            file.write_text("\n".join(lines(record)), encoding="utf-8")
        audit = Audit()
        assert list(complaints(Exported(file), audit)) == []
        assert audit.incidents == incidents
    edit(file, lambda rows: rows[3]["entry"].update(actor="mallory"))
    assert told(file) != []
