"""What an engineer would say about two stores, and what is said where they cannot be compared."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tasks.mirror import compare
from tasks.mirror.checks import check_row_counts, check_row_drift
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.mirror.conftest import PEOPLE, Two, run


def test_it_says_that_they_agree(people: Two) -> None:
    counted, compared = check_row_counts.fn(people.mirror()), check_row_drift.fn(people.mirror())
    assert (counted.verdict, compared.verdict) == (Verdict.OK, Verdict.OK)
    assert counted.says == "Both stores hold as many rows (bad from a gap of 1.00%): people 9."
    assert compared.says == "All 9 rows of people agree (bad from 1)."
    assert (compared.value, list(compared.rows)) == (0.0, [])


def test_it_is_content_with_empty_tables(two: Two) -> None:
    two.both(PEOPLE)
    counted, compared = check_row_counts.fn(two.mirror()), check_row_drift.fn(two.mirror())
    assert (counted.verdict, compared.verdict) == (Verdict.OK, Verdict.OK)
    assert compared.says == "Both stores have no row of people (bad from 1)."


def test_it_says_what_an_engineer_would_say(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won', name = NULL WHERE id = 2", "DELETE FROM people WHERE id > 7")
    run(people.right, "INSERT INTO people VALUES (77, 'Nobody')")
    found = check_row_drift.fn(people.mirror())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "4 of 9 rows of people differ between app and crm (bad from 1): 2 missing in crm, 1 missing in app, "
        "1 with other values (name, stage)."
    )
    assert (found.value, found.unit) == (4.0, "rows")
    assert list(found.rows) == [
        {"table": "people", "key": "id 2", "field": "name", "in app": "Ada 2", "in crm": "(NULL)"},
        {"table": "people", "key": "id 2", "field": "stage", "in app": "new", "in crm": "won"},
        {"table": "people", "key": "id 8", "field": "", "in app": "there", "in crm": "missing"},
        {"table": "people", "key": "id 9", "field": "", "in app": "there", "in crm": "missing"},
        {"table": "people", "key": "id 77", "field": "", "in app": "missing", "in crm": "there"},
    ]


@pytest.mark.parametrize(
    ("missing", "verdict"), [(0, Verdict.OK), (1, Verdict.WARN), (9, Verdict.WARN), (10, Verdict.BAD)]
)
def test_it_judges_the_share_of_missing_rows(two: Two, missing: int, verdict: Verdict) -> None:
    two.both(PEOPLE, "INSERT INTO people SELECT generate_series(1, 1000)")
    run(two.right, f"DELETE FROM people WHERE id <= {missing}")  # noqa: S608
    found = check_row_counts.fn(two.mirror())
    assert found.verdict is verdict
    if missing == 10:
        assert found.says == "people has 1,000 rows in app and 990 in crm: a gap of 1.00% (bad from 1.00%)."
        assert list(found.rows) == [{"table": "people", "in app": 1000, "in crm": 990}]


def test_it_tells_what_it_left_out(people: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    run(people.left, "UPDATE people SET stage = 'won' WHERE id IN (1, 2)")
    monkeypatch.setattr(
        time, "sleep", lambda _s: run(people.right, "UPDATE people SET stage = 'moving' WHERE id IN (1, 2)")
    )
    found = check_row_drift.fn(people.mirror())
    assert found.verdict is Verdict.OK
    assert found.says == "All 9 rows of people agree (bad from 1). Left out: 2 rows changed while we looked."


def test_it_does_not_take_unread_rows_for_healthy_ones(people: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ROWS_AT_MOST", 0)
    run(people.left, "UPDATE people SET stage = 'won' WHERE id = 1")
    found = check_row_drift.fn(people.mirror())
    assert found.verdict is Verdict.UNKNOWN
    assert found.says == "More rows of people may differ than can be read."


def test_it_names_keys_that_stand_twice(two: Two) -> None:
    two.both(PEOPLE.replace(" PRIMARY KEY", ""), "INSERT INTO people VALUES (1)")
    run(two.right, "INSERT INTO people VALUES (1)")
    found = check_row_drift.fn(two.mirror())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "1 of 2 rows of people differ between app and crm (bad from 1): 1 with a key that names no single row, "
        "such as id 1."
    )


CANNOT: dict[str, tuple[str, dict[str, Any], str]] = {
    "no table": ("DROP TABLE people", {}, "crm has no table public.people."),
    "no key column": ("", {"key": ["ident"]}, "people in app has no column 'ident'."),
    "a misspelt column": ("", {"columns": ["stagee"]}, "people in app has no column 'stagee'. Did you mean 'stage'?"),
    "a misspelt exception": ("", {"ignore": ["emial"]}, "people has no column 'emial' in either store."),
    "unlike types": (
        "ALTER TABLE people ALTER stage TYPE bytea USING stage::bytea",
        {},
        "people.stage is text in app and bytea in crm: what equal would mean is anybody's guess.",
    ),
}


@pytest.mark.parametrize("case", CANNOT)
def test_it_says_why_it_cannot_compare_and_compares_the_rest(people: Two, case: str) -> None:
    statement, table, says = CANNOT[case]
    people.both("CREATE TABLE others (id int PRIMARY KEY)", "INSERT INTO others VALUES (1)")
    run(people.right, statement or "SELECT 1")
    for asked in (check_row_counts, check_row_drift):
        found = asked.fn(people.mirror(table, {"name": "others"}))
        assert found.verdict is Verdict.UNKNOWN
        assert says in found.says
        assert "others" in found.says
        assert found.remedy
    run(people.right, "DELETE FROM others")
    assert check_row_drift.fn(people.mirror(table, {"name": "others"})).verdict is Verdict.BAD


def as_looker(two: Two) -> str:
    if not run(two.right, "SELECT 1 FROM pg_roles WHERE rolname = 'looker'"):
        run(two.right, "CREATE ROLE looker LOGIN PASSWORD 'looker-has-none'")
    return f"postgresql://looker:looker-has-none@{two.right.rpartition('@')[2]}"


def test_it_says_which_right_it_lacks(people: Two) -> None:
    mirror = people.mirror(right={"url": as_looker(people)})
    found = check_row_drift.fn(mirror)
    assert (found.verdict, found.says) == (Verdict.UNKNOWN, "looker may not read people in crm.")
    run(people.right, found.remedy)
    assert check_row_drift.fn(mirror).verdict is Verdict.OK


def test_it_does_not_take_hidden_rows_for_missing_ones(people: Two) -> None:
    mirror = people.mirror(right={"url": as_looker(people)})
    run(people.right, "GRANT USAGE ON SCHEMA public TO looker", "GRANT SELECT ON people TO looker")
    run(people.right, "ALTER TABLE people ENABLE ROW LEVEL SECURITY")
    found = check_row_drift.fn(mirror)
    assert found.verdict is Verdict.UNKNOWN
    assert found.says.startswith("Row security hides rows of people in crm from looker")
    assert found.remedy == "ALTER ROLE looker BYPASSRLS;"


def test_it_does_not_compare_a_store_with_itself(people: Two) -> None:
    """By another name of the same server."""
    assert "127.0.0.1" in people.left
    found = check_row_drift.fn(people.mirror(right={"url": people.left.replace("127.0.0.1", "localhost")}))
    assert found.verdict is Verdict.UNKNOWN
    assert found.says == "app and crm are one database, which always agrees with itself."


def test_it_does_not_take_a_dead_store_for_an_empty_one(people: Two) -> None:
    from deployments.ports import free_port

    dead = people.right.rpartition("@")[0] + f"@127.0.0.1:{free_port()}/crm"
    with pytest.raises(CannotLook, match="refuses connections") as stopped:
        check_row_counts.fn(people.mirror(right={"url": dead}))
    assert not isinstance(stopped.value, Refused)


SHOWN = {
    "an address": ("email", "ada.lovelace@example.com", "bob@example.com", "ad…@example.com", "bo…@example.com"),
    "addresses masked alike": (
        "email",
        "ada.lovelace@example.com",
        "ada.byron@example.com",
        "ad…@example.com",
        "ad…@example.com (differs in what is not shown)",
    ),
    "a secret": ("api_token", "one", "two", "••••", "••••"),
    "hidden by the team": ("stage", "won", "lost", "••••", "••••"),
    "nothing": ("name", "", "NULL", "(empty)", "NULL"),
    "a long text": ("name", "x" * 100 + "a", "x" * 100 + "b", "…" + "x" * 12 + "a", "…" + "x" * 12 + "b"),
    "a very long text": (
        "name",
        "x" * 5000 + "a",
        "x" * 5000 + "b",
        "x" * 60 + "…",
        "x" * 60 + "… (differs in what is not shown)",
    ),
}


@pytest.mark.parametrize("case", SHOWN)
def test_it_shows_values_side_by_side_as_far_as_they_may_be_shown(people: Two, case: str) -> None:
    column, left, right, *shown = SHOWN[case]
    people.both("ALTER TABLE people ADD api_token text")
    run(people.left, f"UPDATE people SET {column} = %(v)s WHERE id = 3", v=left)  # noqa: S608
    run(people.right, f"UPDATE people SET {column} = %(v)s WHERE id = 3", v=right)  # noqa: S608
    (row,) = check_row_drift.fn(people.mirror({"hidden": ["stage"]})).rows
    assert [row["field"], row["in app"], row["in crm"]] == [column, *shown]
