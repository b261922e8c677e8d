"""Can an incident be let go so that the record still proves everything?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from flows.journal import (
    Audit,
    Exported,
    JournalBroken,
    JournalUnavailable,
    Retired,
    complaints,
    lines,
    unlike_exports,
)
from flows.journal.retired import End
from flows.keepers.retire import before, removable, retire
from flows.people.handling import Over, judge
from runbooks.model import Severity
from tests.flows.journal.conftest import Roles
from tests.flows.journal.graves import MEASURED, YEAR, anchored, audited, owner, removed, retired, tombstones
from tests.flows.journal.test_audit import as_owner
from tests.flows.raw import Raw


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


def test_it_removes_measurements_older_than_a_month(aged: Roles) -> None:
    with psycopg.connect(aged.owner_url) as session:
        session.execute(MEASURED)
    assert owner(aged).retention.remove_measurements(before(timedelta(days=150))) == 2
    with pytest.raises(JournalUnavailable, match="of the last 30 days"):
        owner(aged).retention.remove_measurements(before(timedelta(days=1)))
