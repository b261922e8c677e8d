"""What differs is counted exactly, and what means the same does not differ."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest

from tasks.mirror import compare
from tasks.mirror.compare import Drift, How
from tests.conftest import Server
from tests.tasks.mirror.conftest import PEOPLE, Two, run


def counts(drift: Drift) -> tuple[int, int, int]:
    return drift.count(How.MISSING_LEFT), drift.count(How.MISSING_RIGHT), drift.count(How.DIFFERENT)


def keys(drift: Drift) -> list[tuple[str | None, ...]]:
    return [row.key for row in drift.rows]


def test_it_counts_each_kind_of_difference(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id IN (2, 3)", "DELETE FROM people WHERE id = 5")
    run(people.left, "DELETE FROM people WHERE id IN (7, 8, 9)")
    drift = people.drift()
    assert counts(drift) == (3, 1, 2)
    assert keys(drift) == [("2",), ("3",), ("5",), ("7",), ("8",), ("9",)]
    assert (drift.left_rows, drift.right_rows, drift.complete) == (6, 8, True)


@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 3), (3, 0), (9, 9)])
def test_it_knows_empty_tables(two: Two, left: int, right: int) -> None:
    two.both(PEOPLE)
    run(two.left, f"INSERT INTO people SELECT generate_series(1, {left})")
    run(two.right, f"INSERT INTO people SELECT generate_series(1, {right})")
    assert counts(two.drift()) == (max(0, right - left), max(0, left - right), 0)


# Column type on the left, on the right, and pairs of values that mean the same in each.
ALIKE: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "numeric scale": ("numeric", "numeric(12, 4)", [("1.5", "1.50"), ("100", "100.0000"), ("0", "0.00")]),
    "integer widths": ("smallint", "numeric", [("7", "7.000"), ("-1", "-1")]),
    "texts": ("varchar(20)", "text", [("a", "a"), ("", ""), ("NULL", "NULL"), ("{a,b}", "{a,b}")]),
    "padded texts": ("char(5)", "text", [("ab", "ab")]),
    "uuid and text": (
        "uuid",
        "text",
        [("6F9619FF-8B86-D011-B42D-00C04FC964FF", "6f9619ff-8b86-d011-b42d-00c04fc964ff")],
    ),
    "zones": ("timestamptz", "timestamptz", [("2026-01-01 12:00+02", "2026-01-01 10:00+00"), ("infinity", "infinity")]),
    "floats": ("float8", "float8", [("0", "-0"), ("0.1", "1e-1"), ("NaN", "NaN"), ("1e300", "1e300")]),
    "json order": ("jsonb", "json", [('{"a":1,"b":[1,2]}', '{"b": [1, 2], "a": 1}')]),
    "json scale": ("jsonb", "jsonb", [('{"a":1.50}', '{"a":1.5}'), ("[2.0, 10]", "[2, 10]"), ('"1.0"', '"1.0"')]),
    "json zero": (
        "jsonb",
        "jsonb",
        [("0.10", "0.1"), ("0.0", "0"), ("-0.50", "-0.5"), ("10.0", "10"), ("1.05", "1.050")],
    ),
    "arrays": ("numeric[]", "numeric[]", [("{1.0,2}", "{1,2.00}"), ("{NULL}", "{NULL}")]),
    "bytes": ("bytea", "bytea", [("\\x00ff", "\\000\\377")]),
    "intervals": ("interval", "interval", [("1 day 02:00", "P1DT2H")]),
    "booleans": ("boolean", "boolean", [("t", "yes")]),
    "dates": ("date", "date", [("2026-02-01", "20260201")]),
}
UNLIKE: dict[str, tuple[str, list[tuple[str, str | None]]]] = {
    "numbers": ("numeric", [("1.5", "1.51"), ("100", "10"), ("1", None)]),
    "null and empty": ("text", [("", None), ("NULL", None), ("a", "A"), ("a", "a "), ("é", "e")]),
    "json": (
        "jsonb",
        [('"1.0"', '"1"'), ('"1.50"', '"1.5"'), ("null", None), ("100", "10"), ("1.05", "1.5"), ("[1]", "1")],
    ),
    "json texts": ("jsonb", [('"a\\"1.0"', '"a\\"1"'), ('{"1.0": 1}', '{"1": 1}')]),
    "floats": ("float8", [("0.1", "0.10000000000000002"), ("NaN", "0")]),
    "moments": ("timestamptz", [("2026-01-01 12:00:00.000001+00", "2026-01-01 12:00+00")]),
    "arrays": ("text[]", [("{a,b}", '{"a,b"}'), ("{NULL}", '{"NULL"}'), ("{}", None)]),
    "bytes": ("bytea", [("\\x00", "\\x")]),
}


@pytest.mark.parametrize("case", ALIKE)
def test_it_takes_for_equal_what_means_the_same(two: Two, case: str) -> None:
    left, right, values = ALIKE[case]
    # Whatever the database says about how values are shown must not matter.
    name = two.right.rpartition("/")[2]
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'"):
        run(two.right, f"ALTER DATABASE {name} SET {setting}")
    run(
        two.right,
        f"ALTER DATABASE {name} SET extra_float_digits = 0",
        f"ALTER DATABASE {name} SET bytea_output = escape",
    )
    run(two.left, f"CREATE TABLE people (id int PRIMARY KEY, v {left}, w text)")
    run(two.right, f"CREATE TABLE people (w text, v {right}, id bigint PRIMARY KEY)")
    for n, (one, other) in enumerate(values):
        run(two.left, "INSERT INTO people (id, v) VALUES (%(n)s, %(v)s)", n=n, v=one)
        run(two.right, "INSERT INTO people (id, v) VALUES (%(n)s, %(v)s)", n=n, v=other)
    assert counts(two.drift()) == (0, 0, 0)


@pytest.mark.parametrize("case", UNLIKE)
def test_it_takes_for_different_what_is(two: Two, case: str) -> None:
    kind, values = UNLIKE[case]
    two.both(f"CREATE TABLE people (id int PRIMARY KEY, v {kind})")
    for n, (one, other) in enumerate(values):
        run(two.left, "INSERT INTO people VALUES (%(n)s, %(v)s)", n=n, v=one)
        run(two.right, "INSERT INTO people VALUES (%(n)s, %(v)s)", n=n, v=other)
    assert counts(two.drift()) == (0, 0, len(values))


def test_it_does_not_mistake_where_one_column_ends(two: Two) -> None:
    two.both("CREATE TABLE people (id int PRIMARY KEY, a text, b text)")
    run(two.left, "INSERT INTO people VALUES (1, 'x,', 'y'), (2, '', NULL), (3, '\"', '\\')")
    run(two.right, "INSERT INTO people VALUES (1, 'x', ',y'), (2, NULL, ''), (3, '\\', '\"')")
    assert counts(two.drift()) == (0, 0, 3)


def test_it_compares_across_encodings(two: Two, postgres15: Server) -> None:
    two.both(PEOPLE)
    run(two.left, "INSERT INTO people VALUES (1, 'Jürgen Ærø')")
    run(postgres15.admin_url, "DROP DATABASE IF EXISTS old_latin")
    run(postgres15.admin_url, "CREATE DATABASE old_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        latin = Two(two.left, two.right.rpartition("/")[0] + "/old_latin")
        run(latin.right, PEOPLE, "INSERT INTO people VALUES (1, 'Jürgen Ærø')")
        assert counts(latin.drift()) == (0, 0, 0)
        run(latin.right, "UPDATE people SET name = 'Jurgen Ærø'")
        assert counts(latin.drift()) == (0, 0, 1)
    finally:
        run(postgres15.admin_url, "DROP DATABASE old_latin WITH (FORCE)")


HOSTILE = [
    'a"b',
    "per%cent",
    "dot.ted",
    "Ünï çødé",
    "it's",
    "%(key)s",
    "{relation}",
    "x" * 63,
    "; DROP TABLE people --",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_it_survives_hostile_names(two: Two, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    two.both(
        f"CREATE SCHEMA {quoted}",
        f"CREATE TABLE {quoted}.{quoted} ({quoted} text PRIMARY KEY, v int)",
        f"INSERT INTO {quoted}.{quoted} VALUES ('k''1', 1), ('%s', 2)",  # noqa: S608
    )
    run(two.right, f"UPDATE {quoted}.{quoted} SET v = 9 WHERE v = 2")  # noqa: S608
    drift = two.drift(schema=name, name=name, key=[name])
    assert (counts(drift), keys(drift)) == ((0, 0, 1), [("%s",)])


@pytest.mark.parametrize(
    ("columns", "key", "row"),
    [
        ("a uuid, b int, v int, PRIMARY KEY (a)", ["a"], "'6f9619ff-8b86-d011-b42d-00c04fc964ff', 1, 0"),
        ("a text, b int, v int, PRIMARY KEY (a, b)", ["a", "b"], "'x,\"y', 1, 0"),
        ("a timestamptz, b int, v int, PRIMARY KEY (a)", ["a"], "'2026-01-01 01:02:03.000004+09', 1, 0"),
        ("a numeric, b char(4), v int, PRIMARY KEY (b, a)", ["b", "a"], "1.50, 'q', 0"),
        ("a bytea, b boolean, v int, PRIMARY KEY (b, a)", ["b", "a"], "'\\x00ff', true, 0"),
        ("a float8, b int, v int, PRIMARY KEY (a)", ["a"], "0.1, 1, 0"),
    ],
)
def test_it_finds_rows_by_any_key(two: Two, columns: str, key: list[str], row: str) -> None:
    two.both(f"CREATE TABLE people ({columns})", f"INSERT INTO people VALUES ({row})")  # noqa: S608
    assert counts(two.drift(key=key)) == (0, 0, 0)
    run(two.right, "UPDATE people SET v = 1")
    assert counts(two.drift(key=key)) == (0, 0, 1)
    run(two.right, "DELETE FROM people")
    assert counts(two.drift(key=key)) == (0, 1, 0)


def test_it_says_which_keys_name_no_single_row(two: Two) -> None:
    two.both("CREATE TABLE people (id int, name text)")
    run(two.left, "INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, 'c'), (3, 'c'), (4, 'd')")
    run(two.right, "INSERT INTO people VALUES (1, 'a'), (1, 'a'), (NULL, 'n'), (3, 'c'), (3, 'c'), (4, 'e')")
    drift = two.drift()
    assert drift.ambiguous == (("1",), (None,))
    assert (counts(drift), drift.total) == ((0, 1, 1), 4)


def test_it_leaves_ignored_columns_out(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won'", "ALTER TABLE people ADD only_here int")
    assert counts(people.drift(ignore=["stage"])) == (0, 0, 0)
    assert counts(people.drift(columns=["name", "email"])) == (0, 0, 0)
    assert people.drift().pair.alone == ("crm.only_here",)


def test_it_gives_replication_time_to_settle(people: Two) -> None:
    people.both("ALTER TABLE people ADD changed timestamptz", "UPDATE people SET changed = '2026-01-01'")
    settling = {"column": "changed", "seconds": 60}
    run(people.left, "UPDATE people SET stage = 'won', changed = now() WHERE id = 1")
    run(people.left, "INSERT INTO people VALUES (10, 'New', '', '', now())")
    run(people.right, "UPDATE people SET stage = 'lost' WHERE id = 2")
    drift = people.drift(settling=settling)
    assert (keys(drift), drift.unsettled) == ([("2",)], 2)
    assert len(keys(people.drift())) == 3


def meanwhile(monkeypatch: pytest.MonkeyPatch, do: Callable[[], object]) -> None:
    """Do something between the first look and the second."""
    monkeypatch.setattr(time, "sleep", lambda _seconds: do())


def test_it_takes_a_second_look_at_what_is_on_its_way(people: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    run(people.left, "UPDATE people SET stage = 'won' WHERE id IN (1, 2, 3)", "DELETE FROM people WHERE id = 4")
    meanwhile(
        monkeypatch,
        lambda: run(
            people.right,
            "UPDATE people SET stage = 'won' WHERE id = 1",
            "UPDATE people SET stage = 'on its way' WHERE id = 2",
            "DELETE FROM people WHERE id = 4",
        ),
    )
    drift = people.drift()
    assert (keys(drift), drift.moving) == ([("3",)], 1)


def test_it_counts_what_it_does_not_read(people: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of buckets that one store has not at all, the rows are counted without being read."""
    monkeypatch.setattr(compare, "ROWS_AT_MOST", 300)
    monkeypatch.setattr(compare, "ROWS_A_LOOK", 50)
    run(people.left, "INSERT INTO people SELECT generate_series(10, 2000)")
    run(people.right, "UPDATE people SET name = 'x' WHERE id = 3", "DELETE FROM people WHERE id = 4")
    drift = people.drift()
    assert (counts(drift), drift.complete) == ((0, 1992, 1), True)


def test_it_says_when_it_did_not_read_all(people: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "ROWS_AT_MOST", 100)
    monkeypatch.setattr(compare, "ROWS_A_LOOK", 50)
    people.both("INSERT INTO people SELECT generate_series(10, 2000)")
    run(people.right, "UPDATE people SET name = 'x'")
    drift = people.drift()
    assert not drift.complete
    assert 0 < drift.total <= 100


def test_it_only_reads(people: Two) -> None:
    with people.mirror().reading() as both, pytest.raises(Exception, match="read-only"):
        both.left.run("DELETE FROM public.people")
    with psycopg.connect(people.left) as session:
        assert session.execute("SELECT count(*) FROM people").fetchone() == (9,)
