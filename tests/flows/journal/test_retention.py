"""Can an incident be let go so that the record still proves everything, and can nobody let one go in another way?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import errors
from pydantic import SecretStr

from flows.journal import (
    Audit,
    CannotRemove,
    Entry,
    Exported,
    Journal,
    JournalBroken,
    JournalUnavailable,
    Redactor,
    Retired,
    Tombstone,
    complaints,
    lines,
    unlike_exports,
)
from flows.journal.chain import chained
from flows.journal.entry import written
from flows.journal.retired import End
from flows.keepers.retire import before, removable, retire
from flows.people.handling import Over, judge
from runbooks.model import Severity
from tests.flows.journal.conftest import Roles
from tests.flows.journal.old import insert, old_incident
from tests.flows.journal.test_audit import as_owner
from tests.flows.raw import Raw

YEAR = timedelta(days=365)
MEASURED = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'e', 'c', clock_timestamp() - make_interval(days => n), 1, 's', 'OK', '{}'
      FROM generate_series(10, 400, 100) AS n
"""


def owner(roles: Roles) -> Journal:
    return Journal(SecretStr(roles.owner_url), Redactor([]))


def audited(journal: Journal, anchors: dict[int, str] | None = None) -> tuple[Audit, list[tuple[str, str]]]:
    audit = Audit()
    with journal.record() as record:
        return audit, [(one.where, one.says) for one in complaints(record, audit, anchors)]


def tombstones(journal: Journal) -> list[Tombstone]:
    kept: list[Tombstone] = []
    with journal.record() as record:
        for _ in complaints(record, Audit(), None, lambda entry: kept.append(Tombstone.of(entry))):
            pass
    return kept


def anchored(journal: Journal) -> dict[int, str]:
    with journal.record() as record:
        return {seal.seal: seal.hash for seal, _ in record.seals()}


@pytest.fixture
def aged(roles: Roles) -> Roles:
    """Two incidents that ended long ago, one that never did, and one of today."""
    for incident in ("inc-1", "inc-2"):
        old_incident(roles, incident)
    old_incident(roles, "inc-open", closed=False)
    with roles.journal().hold("inc-new") as log:
        log.append("engine", "opened", Raw("opened", {"says": "today"}))
        log.append("engine", "closed", Raw("closed", {"verdict": "fixed"}))
    return roles


def retired(roles: Roles, folder: Path) -> list[int]:
    journal = roles.journal()
    return [batch.retired for batch in retire(journal, folder, YEAR, journal.seal)]


def removed(roles: Roles, folder: Path) -> int:
    found = removable(owner(roles), folder, YEAR, anchored(roles.journal()))
    assert list(found.refused) == []
    return sum(owner(roles).retention.remove(one.tombstone for one in found.entombed))


@pytest.fixture
def gone(aged: Roles, tmp_path: Path) -> Roles:
    retired(aged, tmp_path)
    assert removed(aged, tmp_path) == 8
    return aged


def test_it_lets_old_incidents_go_and_proves_the_rest(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    journal.seal()
    before = tmp_path / "before.jsonl"
    with journal.record() as record:
        before.write_text("\n".join(lines(record)), encoding="utf-8")
    assert retired(aged, tmp_path) == [2]
    assert retired(aged, tmp_path) == []
    [file] = tmp_path.glob("retired-*.jsonl")
    assert file.stat().st_mode & 0o777 == 0o600
    audit, wrong = audited(journal, anchored(journal))
    assert (audit.entries, audit.incidents, audit.retired, audit.unsealed, wrong) == (15, 4, 0, 0, [])

    assert removed(aged, tmp_path) == 8
    assert removed(aged, tmp_path) == 0
    audit, wrong = audited(journal, anchored(journal))
    assert (audit.entries, audit.incidents, audit.retired, audit.unsealed, wrong) == (7, 4, 2, 0, [])
    assert list(unlike_exports(tombstones(journal), tmp_path)) == []
    for export in (before, file):
        assert list(complaints(Exported(export), Audit())) == []
    after = tmp_path / "after.jsonl"
    with journal.record() as record:
        after.write_text("\n".join(lines(record)), encoding="utf-8")
    audit = Audit()
    assert list(complaints(Exported(after), audit)) == []
    assert audit.retired == 2


def test_it_says_of_a_retired_incident_where_it_is(gone: Roles, tmp_path: Path) -> None:
    journal = gone.journal()
    assert journal.find("inc-1") == "inc-1"
    [entry] = journal.read("inc-1")
    [file] = tmp_path.glob("retired-*.jsonl")
    assert entry.body["says"] == (
        f"its 4 entries are in {file.name}, sha256 {entry.body['sha256']}; closed 2024-03-01T02:00:00.000004Z, fixed"
    )
    assert journal.retention.gone() == 2


def test_it_never_executes_a_retired_incident_again(gone: Roles) -> None:
    with (
        pytest.raises(Retired, match="inc-1 is not executed again: retired, its 4 entries are in"),
        gone.journal().hold("inc-1"),
    ):
        pass
    with pytest.raises(Over):
        judge(gone.journal(), "inc-1", "ana", Severity.P0, "late")


def test_it_takes_notes_on_a_retired_incident(gone: Roles) -> None:
    journal = gone.journal()
    journal.note("inc-1", "ana", "late", Raw("note", {"says": "Found the invoice."}))
    journal.seal()
    audit, wrong = audited(journal)
    assert (audit.retired, wrong) == (2, [])
    assert [entry.seq for entry in journal.read("inc-1")] == [5, 6]


def test_it_retires_again_what_lost_its_export(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    retired(aged, tmp_path)
    [file] = tmp_path.glob("retired-*.jsonl")
    file.unlink()
    found = removable(owner(aged), tmp_path, YEAR, None)
    assert {one.says for one in found.refused} == {f"Its export {file.name!r} is not in {tmp_path}."}
    assert found.entombed == []
    assert [batch.retired for batch in retire(journal, tmp_path, YEAR, journal.seal, again=True)] == [2]
    assert removed(aged, tmp_path) == 10
    assert audited(journal)[1] == []


def test_it_leaves_an_incident_that_grew_while_it_was_exported(aged: Roles, tmp_path: Path) -> None:
    journal = aged.journal()
    journal.seal()
    first = journal.read("inc-1")[-1]
    end = End(
        incident="inc-1",
        seq=first.seq,
        at=first.at,
        hash=first.hash,
        kind=first.kind,
        closed_at=first.at,
        verdict="fixed",
    )
    journal.note("inc-1", "ana", "late", Raw("note", {}))
    assert list(journal.retention.entomb([end], "x.jsonl", "a" * 64)) == [None]


def test_it_retires_nothing_that_was_tampered_with(aged: Roles, tmp_path: Path) -> None:
    aged.journal().seal()
    as_owner(aged, "UPDATE incident.entries SET actor = 'mallory' WHERE (incident, seq) = ('inc-2', 2)")
    with pytest.raises(JournalBroken, match=r"Nothing is retired: inc-2: Entry 2 .*altered"):
        retired(aged, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert [entry.kind for entry in aged.journal().read("inc-1")][-1] == "closed"


def tombstone(after: Entry, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        **vars(after),
        "seq": after.seq + 1,
        "kind": "retired",
        "key": "retired/forged",
        "actor": "mallory",
        "body": {"says": "gone", "file": "gone.jsonl", "sha256": "a" * 64},
        "prev": after.hash,
        **changes,
    }
    fields.pop("hash")
    return chained(**fields)


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


def test_it_removes_measurements_older_than_a_month(aged: Roles) -> None:
    with psycopg.connect(aged.owner_url) as session:
        session.execute(MEASURED)
    assert owner(aged).retention.remove_measurements(before(timedelta(days=150))) == 2
    with pytest.raises(JournalUnavailable, match="of the last 30 days"):
        owner(aged).retention.remove_measurements(before(timedelta(days=1)))
