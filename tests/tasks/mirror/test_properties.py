"""Whatever two tables hold: the differences found are those that Python finds, and copying them leaves none."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.mirror.actions import SyncDriftedRows
from tasks.mirror.compare import How
from tests.left_out import examples
from tests.tasks.mirror.conftest import Two, run

# What Postgres can hold as text: anything but NUL and half a surrogate pair.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
KEY = st.tuples(st.sampled_from(["", "a", "A", "ä", '"', "%", ","]), st.integers(0, 4))
ROW = st.tuples(
    st.none() | TEXT,
    st.none() | st.decimals(-1000, 1000, places=2),
    st.none() | st.dictionaries(TEXT, st.integers(-9, 9) | st.floats(-9, 9, width=16) | TEXT | st.none(), max_size=2),
)
TABLE = st.dictionaries(KEY, ROW, max_size=12)


@pytest.fixture(scope="module")
def pair(stores: Two) -> Two:
    stores.both(
        "DROP SCHEMA public CASCADE", "CREATE SCHEMA public",
        'CREATE TABLE people (a text COLLATE "C", b int, t text, n numeric, j jsonb, PRIMARY KEY (a, b))',
    )  # fmt: skip
    return stores


def fill(url: str, rows: dict[Any, Any]) -> None:
    with psycopg.connect(url, client_encoding="utf8") as session, session.cursor() as cursor:
        cursor.execute("TRUNCATE people")
        cursor.executemany(
            "INSERT INTO people VALUES (%s, %s, %s, %s, %s)",
            [(*key, t, n, None if j is None else json.dumps(j)) for key, (t, n, j) in rows.items()],
        )


def stored(url: str) -> dict[Any, Any]:
    """The rows as Python understands them: it, too, takes 1.0 for 1.00, and an object in any order for the same."""
    rows = run(url, "SELECT a, b, t, n, j::text FROM people")
    return {
        (a, b): (t, n, None if j is None else json.loads(str(j), parse_float=Decimal, parse_int=Decimal))
        for a, b, t, n, j in rows
    }


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(left=TABLE, same=st.booleans(), right=TABLE, source=st.sampled_from(["left", "right"]))
def test_it_finds_what_python_finds_and_copying_leaves_nothing(
    pair: Two, left: dict[Any, Any], same: bool, right: dict[Any, Any], source: str
) -> None:
    # Mostly alike, as real copies are: a few rows of `right` go over those of `left`.
    other = {**left, **dict(list(right.items())[:3])} if same else right
    fill(pair.left, left)
    fill(pair.right, other)
    one, two = stored(pair.left), stored(pair.right)
    table = {"key": ["a", "b"], "source_of_truth": source}

    drift = pair.drift(**table)
    found = {how: {(row.key[0], int(str(row.key[1]))) for row in drift.rows if row.how is how} for how in How}
    assert found == {
        How.MISSING_LEFT: two.keys() - one.keys(),
        How.MISSING_RIGHT: one.keys() - two.keys(),
        How.DIFFERENT: {key for key in one.keys() & two.keys() if one[key] != two[key]},
    }

    truth, copy, url = (one, two, pair.right) if source == "left" else (two, one, pair.left)
    if not truth and copy:
        return  # an empty source of truth is refused: see test_actions
    mirror, action = pair.mirror(table), SyncDriftedRows()
    plan = action.plan(mirror)
    assert len(plan.commands) == drift.total
    if plan.commands:
        assert action.apply(mirror, plan=plan).complete
    assert pair.drift(**table).total == 0
    assert stored(url) == truth
    assert stored(pair.left if source == "left" else pair.right) == truth
