"""Does the drill leave old rows that are noticed, and take its own away again?"""

from __future__ import annotations

import pytest

from tasks.model import Refused, Verdict
from tasks.retention.actions import DeleteOldRows
from tasks.retention.checks import check_overdue_rows
from tasks.retention.faults import PileUpOldRows
from tests.tasks.retention.conftest import ENROLLED, LOGS, Old

NOTES: dict[str, object] = {
    "table": "notes", "age_column": "at", "older_than_days": 30, "mode": "delete", "where": {"kind": ["a"]},
}  # fmt: skip


@pytest.mark.parametrize("cleaned", [False, True])
def test_it_is_noticed_and_mended(old18: Old, cleaned: bool) -> None:
    old18.stage.admin(
        "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text, at timestamptz, "
        "loud text GENERATED ALWAYS AS (upper(kind)) STORED); "
        "INSERT INTO notes (kind, at) SELECT CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END, now() "
        "FROM generate_series(1, 90) n; "
        "GRANT ALL ON notes TO app"
    )
    door = old18.door(LOGS, NOTES)
    before = old18.stage.admin("SELECT * FROM notes ORDER BY id")
    overdue = check_overdue_rows.fn(door).value or 0
    fault = PileUpOldRows()
    trouble = fault.cause(door)
    found = check_overdue_rows.fn(door)
    assert (found.verdict, found.value) == (Verdict.WARN, overdue + 25)
    if cleaned:
        assert DeleteOldRows().apply(door, DeleteOldRows().plan(door)).complete
    fault.cure(trouble)
    assert old18.stage.admin("SELECT * FROM notes ORDER BY id") == before


def test_it_refuses_where_copies_would_clash(old18: Old) -> None:
    with pytest.raises(Refused, match="No table of the rules takes copies"):
        PileUpOldRows().cause(old18.door(LOGS, ENROLLED))
