"""Whole ranges: counted, named beforehand, and left alone where somebody wrote meanwhile."""

from __future__ import annotations

import re

import pytest

from tasks.mirror import compare, resync
from tasks.mirror.actions import SyncDriftedRows
from tasks.mirror.resync import ResyncTables
from tasks.mirror.system import Mirror
from tasks.model import Plan, Refused, Risk
from tests.tasks.mirror.conftest import Two, run


@pytest.fixture
def crowd(people: Two, monkeypatch: pytest.MonkeyPatch) -> Two:
    """Two thousand people in five ranges, of whom half differ."""
    monkeypatch.setattr(resync, "ROWS_A_RANGE", 400)
    people.both("INSERT INTO people SELECT n, 'Ada ' || n FROM generate_series(10, 2000) n")
    run(people.right, "UPDATE people SET name = 'x' WHERE id % 2 = 0", "DELETE FROM people WHERE id % 100 = 1")
    run(people.right, "INSERT INTO people SELECT generate_series(3001, 3010)")
    return people


def mirror_of(two: Two) -> Mirror:
    return two.mirror({"max_rows": 100, "resync_max_rows": 5000})


def test_it_makes_a_whole_table_agree(crowd: Two) -> None:
    mirror, action = mirror_of(crowd), ResyncTables()
    before, _ = crowd.rows()
    plan = action.plan(mirror)
    assert plan.does == "Make people in crm agree with app: 1,030 rows in 5 ranges."
    assert (str(plan.blast_radius), plan.risk) == ("1030 of 2000 rows", Risk.HIGH)
    assert action.applied(mirror, plan=plan) is False
    outcome = action.apply(mirror, plan=plan)
    assert outcome.says == "5 ranges: 20 rows inserted, 1,000 rows updated, 10 rows deleted."
    assert outcome.complete
    assert crowd.rows() == (before, before)
    assert action.applied(mirror, plan=plan) is True
    assert not action.plan(mirror).commands


def test_it_is_refused_until_somebody_named_the_number(crowd: Two) -> None:
    for named, says in ((None, "is not named"), (1029, "is 1,029")):
        with pytest.raises(Refused) as refused:
            ResyncTables().plan(crowd.mirror({"resync_max_rows": named}))
        assert refused.value.says == f"A resync of people would change 1,030 rows; its resync_max_rows {says}."
        assert refused.value.remedy.startswith("If that is meant: resync_max_rows = 1030 for people")
    with pytest.raises(Refused, match="1,030 rows of people would be changed; its max_rows is 100"):
        SyncDriftedRows().plan(mirror_of(crowd))


def test_it_leaves_small_differences_to_the_other_step(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won'")
    plan = ResyncTables().plan(people.mirror())
    assert (plan.commands, plan.does) == ((), "Nothing to resync: no table differs in more rows than its max_rows.")


def test_it_does_not_empty_a_store_after_an_empty_source(crowd: Two) -> None:
    run(crowd.left, "TRUNCATE people")
    with pytest.raises(Refused, match="is empty in app, the source of truth"):
        ResyncTables().plan(mirror_of(crowd))


@pytest.mark.parametrize("store", ["left", "right"])
def test_it_leaves_a_range_alone_in_which_somebody_wrote(crowd: Two, store: str) -> None:
    mirror, action = mirror_of(crowd), ResyncTables()
    plan = action.plan(mirror)
    run(getattr(crowd, store), "UPDATE people SET stage = 'mine' WHERE id = 500")
    outcome = action.apply(mirror, plan=plan)
    assert not outcome.complete
    assert [row["fate"] for row in outcome.rows].count(resync.RANGE_MOVED) == 1
    assert outcome.says.endswith("1 range left alone, in whole or in part.")
    assert (500, "x", None, "mine" if store == "right" else None) in crowd.rows()[1]
    fresh = action.plan(crowd.mirror({"max_rows": 1, "resync_max_rows": 5000}))
    assert len(fresh.commands) == 1
    assert fresh.exceeds(plan)


def test_it_knows_that_it_was_broken_off(crowd: Two) -> None:
    mirror, action = mirror_of(crowd), ResyncTables()
    plan = action.plan(mirror)
    half = Plan(**{**vars(plan), "commands": plan.commands[:2]})
    action.apply(mirror, plan=half)
    assert (action.applied(mirror, plan=half), action.applied(mirror, plan=plan)) == (True, False)
    assert action.plan(mirror).exceeds(plan) == frozenset()
    action.apply(mirror, plan=action.plan(mirror))
    assert action.applied(mirror, plan=plan) is True


def test_it_says_at_most_where_not_every_row_was_read(crowd: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ROWS_AT_MOST", 100)
    monkeypatch.setattr(compare, "ROWS_A_LOOK", 50)
    before, _ = crowd.rows()
    plan = ResyncTables().plan(mirror_of(crowd))
    said = re.fullmatch(r"Make people in crm agree with app: at most ([\d,]+) rows in 5 ranges\.", plan.does)
    assert said
    assert int(said[1].replace(",", "")) >= 1030
    assert ResyncTables().apply(mirror_of(crowd), plan=plan).complete
    assert crowd.rows()[1] == before


def test_the_other_step_does_not_copy_a_part_only(crowd: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were counted without being read cannot be copied one by one."""
    monkeypatch.setattr(compare, "ROWS_AT_MOST", 0)
    run(crowd.right, "DELETE FROM people WHERE id > 5")
    run(crowd.left, "DELETE FROM people WHERE id BETWEEN 6 AND 1990")
    with pytest.raises(Refused, match="rows of people would be changed; its max_rows is 10,000"):
        SyncDriftedRows().plan(crowd.mirror({"max_rows": 10_000}))


def test_it_holds_no_values(crowd: Two) -> None:
    assert "Ada" not in str(ResyncTables().plan(mirror_of(crowd)))
