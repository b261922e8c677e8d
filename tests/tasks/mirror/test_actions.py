"""The dangerous verbs: only what was approved is written, only where nobody wrote meanwhile, and all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tasks.action import Action
from tasks.mirror import write as writing
from tasks.mirror.actions import SyncDriftedRows, SyncOneRecord
from tasks.mirror.system import Mirror
from tasks.model import Plan, Refused, Risk
from tests.tasks.mirror.conftest import PEOPLE, Two, run

HOSTILE_VALUES = [
    "it's",
    'a "quoted" \\ thing',
    "100% %s %(key)s {relation}",
    "line\nbreak\ttab",
    "👩‍🚀 ünï\u2028",
    "'); DROP TABLE people; --",
    '{"json": [1.0]}',
    "NULL",
    "",
    "\\x00",
    "x" * 100_000,
]


def synced(mirror: Mirror, action: Action | None = None) -> Plan:
    """Planned and applied; whatever must hold of every plan, held."""
    action = action or SyncDriftedRows()
    plan = action.plan(mirror)
    assert action.applied(mirror, plan=plan) is False
    outcome = action.apply(mirror, plan=plan)
    assert outcome.complete, outcome
    assert action.applied(mirror, plan=plan) is True
    return plan


def test_it_makes_the_store_that_follows_agree(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 2", "DELETE FROM people WHERE id = 5")
    run(people.right, "INSERT INTO people VALUES (77, 'Nobody')")
    before, _ = people.rows()
    plan = synced(people.mirror())
    assert people.rows() == (before, before)
    assert plan.does == "Make people in crm agree with app: insert 1, update 1, delete 1."
    assert [command.line for command in plan.commands] == [
        "crm: update the row id 2 of public.people: stage as in app",
        "crm: insert the row id 5 of public.people, as in app",
        "crm: delete the row id 77 of public.people, which app has not",
    ]
    assert (str(plan.blast_radius), plan.risk) == ("3 of 9 rows", Risk.MODERATE)
    assert plan.evidence[0] == {"table": "people", "key": "id 2", "field": "stage", "in app": "new", "in crm": "won"}


def test_it_follows_the_other_store_where_that_is_the_source(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 2", "DELETE FROM people WHERE id = 5")
    _, before = people.rows()
    synced(people.mirror({"source_of_truth": "right"}))
    assert people.rows() == (before, before)


def test_it_writes_nothing_where_nobody_said_who_is_right(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won'")
    plan = SyncDriftedRows().plan(people.mirror({"source_of_truth": "none"}))
    assert not plan.commands
    assert plan.does == (
        "Nothing to copy: no row differs that could be copied. people is left alone: it has no source of truth."
    )


def test_it_copies_one_record_alone(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id IN (2, 3)", "INSERT INTO people VALUES (-9), (-10)")
    plan = synced(people.mirror({"max_rows": 1}), SyncOneRecord())
    assert [command.target["key"] for command in plan.commands] == [["2"]]
    assert plan.risk is Risk.LOW
    assert [row.key for row in people.drift().rows] == [("-10",), ("-9",), ("3",)]


@pytest.mark.parametrize("value", HOSTILE_VALUES)
def test_it_copies_hostile_values_to_the_letter(people: Two, value: str) -> None:
    run(people.left, "UPDATE people SET name = %(value)s WHERE id = 1", value=value)
    run(people.left, "INSERT INTO people VALUES (10, %(value)s)", value=value)
    synced(people.mirror())
    left, right = people.rows()
    assert left == right
    assert right[9][1] == value


@pytest.mark.parametrize("name", ['a"b', "per%cent", "%(key)s", "{relation}", "; DROP TABLE people --", "x" * 63])
def test_it_writes_through_hostile_names(two: Two, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    two.both(f'CREATE TABLE {quoted} ({quoted} text PRIMARY KEY, v int, "v%s" text)')
    run(two.left, f"INSERT INTO {quoted} VALUES ('k''1', 1, 'a'), ('%s', 2, 'b')")  # noqa: S608
    run(two.right, f"INSERT INTO {quoted} VALUES ('k''1', 9, 'z'), ('gone', 2, 'c')")  # noqa: S608
    synced(two.mirror({"name": name, "key": [name]}))
    left, right = two.rows(quoted)
    assert left == right


TYPES = {
    "smallint": "7",
    "numeric": "1.500",
    "float8": "-0.1",
    "float4": "1.1",
    "money": "12.30",
    "timestamptz": "2026-01-01 01:02:03.5+09",
    "timestamp": "2026-01-01",
    "date": "2026-01-01",
    "time": "01:02",
    "interval": "1 mon 3 days",
    "uuid": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "jsonb": '{"a": 1.50}',
    "json": '{"b":1,  "a":2}',
    "text[]": '{a,"b,c",NULL}',
    "numeric[]": "{1.0}",
    "bytea": "\\x00ff",
    "boolean": "t",
    "char(4)": "ab",
    "bit(3)": "101",
    "varbit": "1",
    "inet": "10.0.0.0/8",
    "int4range": "[1,3)",
    "tsvector": "'a':1",
    "point": "(1,2)",
}


@pytest.mark.parametrize("kind", TYPES)
def test_it_copies_every_type(two: Two, kind: str) -> None:
    two.both(f"CREATE TABLE people (id int PRIMARY KEY, v {kind})", "INSERT INTO people VALUES (1)")
    run(two.left, "UPDATE people SET v = %(v)s", v=TYPES[kind])
    run(two.left, "INSERT INTO people VALUES (2, %(v)s)", v=TYPES[kind])
    synced(two.mirror())
    left, right = run(two.left, "SELECT v::text FROM people"), run(two.right, "SELECT v::text FROM people")
    assert left == right


def test_it_keeps_identities_and_leaves_computed_and_ignored_columns_alone(two: Two) -> None:
    two.both(
        "CREATE TABLE people (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, "
        "loud text GENERATED ALWAYS AS (upper(name)) STORED, seen int DEFAULT 5)",
        "INSERT INTO people (name, seen) VALUES ('a', 1), ('b', 2)",
    )
    run(two.left, "UPDATE people SET name = 'z', seen = 8 WHERE id = 1")
    run(two.right, "DELETE FROM people WHERE id = 2")
    synced(two.mirror({"ignore": ["seen"]}))
    assert two.rows()[1] == [(1, "z", "Z", 1), (2, "b", "B", 5)]


def test_it_does_not_overwrite_what_changed_after_the_approval(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id IN (1, 2)", "DELETE FROM people WHERE id = 3")
    run(people.left, "DELETE FROM people WHERE id = 4")
    mirror, action = people.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    mine = "UPDATE people SET stage = 'mine' WHERE id IN (1, 4)"
    run(people.right, mine, "INSERT INTO people VALUES (3, 'Somebody else')")
    outcome = action.apply(mirror, plan=plan)
    assert outcome.says == "4 rows: 3 changed since it was seen: not touched, 1 updated."
    assert not outcome.complete
    right = {row[0]: row for row in people.rows()[1]}
    assert [right[n][3] for n in (1, 2, 4)] == ["mine", "new", "mine"]
    assert right[3][1] == "Somebody else"
    assert action.applied(mirror, plan=plan) is True


def test_it_does_not_copy_what_nobody_approved(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id IN (1, 2)")
    mirror, action = people.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    run(people.left, "UPDATE people SET stage = 'secretly' WHERE id = 1")
    outcome = action.apply(mirror, plan=plan)
    assert [row["fate"] for row in outcome.rows] == [writing.SOURCE_MOVED, "updated"]
    assert [row[3] for row in people.rows()[1]][:2] == ["won", "new"]


def test_it_touches_no_row_that_is_not_in_the_plan(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 1")
    mirror, action = people.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    run(people.right, "UPDATE people SET stage = 'later' WHERE id = 2", "DELETE FROM people WHERE id = 3")
    action.apply(mirror, plan=plan)
    assert [row[3] for row in people.rows()[1]] == ["new", "later", *["new"] * 6]
    assert action.plan(mirror).exceeds(plan)


def test_it_refuses_more_rows_than_its_limit(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id <= 4")
    with pytest.raises(Refused) as refused:
        SyncDriftedRows().plan(people.mirror({"max_rows": 3}))
    assert refused.value.says == "4 rows of people would be changed; its max_rows is 3."
    assert refused.value.remedy == "If that is meant: name max_rows = 4 for people in the mirror's `tables`."
    synced(people.mirror({"max_rows": 4}))


def test_it_does_not_empty_a_store_after_an_empty_source(people: Two) -> None:
    run(people.left, "TRUNCATE people")
    for action in (SyncDriftedRows(), SyncOneRecord()):
        with pytest.raises(Refused, match=r"people is empty in app, the source of truth\. All 9 rows in crm would be"):
            action.plan(people.mirror())


def test_it_changes_all_or_nothing(people: Two) -> None:
    """A unique value that somebody took meanwhile: then no row is written."""
    people.both("ALTER TABLE people ADD UNIQUE (email)")
    run(people.right, "DELETE FROM people WHERE id = 3", "UPDATE people SET stage = 'won' WHERE id = 9")
    mirror, action = people.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    run(people.right, "INSERT INTO people (id, email) VALUES (10, 'ada3@example.com')")
    _, before = people.rows()
    with pytest.raises(Refused, match="duplicate key"):
        action.apply(mirror, plan=plan)
    assert people.rows()[1] == before
    assert action.applied(mirror, plan=plan) is False


def test_it_takes_everything_back_when_the_store_makes_something_else_of_it(people: Two) -> None:
    run(
        people.right,
        "UPDATE people SET stage = 'won' WHERE id = 1",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END';"
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION f()",
    )
    _, before = people.rows()
    mirror, action = people.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    with pytest.raises(Refused, match=r"crm makes something else of 1 of 1 rows .* Nothing was changed"):
        action.apply(mirror, plan=plan)
    assert people.rows()[1] == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE RULE r AS ON UPDATE TO people DO ALSO DELETE FROM people WHERE id = NEW.id",
        "ALTER TABLE people RENAME TO persons; CREATE VIEW people AS SELECT * FROM persons",
    ],
    ids=["a rule", "a view"],
)
def test_it_writes_to_plain_tables_only(people: Two, statement: str) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 1", statement)
    with pytest.raises(Refused, match="people in crm is no plain table"):
        SyncDriftedRows().plan(people.mirror())


def test_it_refuses_a_table_where_a_row_could_come_in_twice(two: Two) -> None:
    run(two.left, PEOPLE, "INSERT INTO people VALUES (1)")
    run(two.right, PEOPLE.replace(" PRIMARY KEY", ""))
    with pytest.raises(Refused) as refused:
        SyncDriftedRows().plan(two.mirror())
    assert refused.value.says == "Nothing keeps id unique in people of crm: a row could come in twice."
    run(two.right, refused.value.remedy)
    synced(two.mirror())


def test_it_asks_first_whether_it_may_write(people: Two) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 1")
    if not run(people.right, "SELECT 1 FROM pg_roles WHERE rolname = 'looker'"):
        run(people.right, "CREATE ROLE looker LOGIN PASSWORD 'looker-has-none'")
    run(people.right, "GRANT USAGE ON SCHEMA public TO looker", "GRANT SELECT ON people TO looker")
    name, where = people.right.rpartition("@")[2].rpartition("/")[2], people.right.rpartition("@")[2]
    mirror = people.mirror(right={"action_url": f"postgresql://looker:looker-has-none@{where}"})
    with pytest.raises(Refused) as refused:
        SyncDriftedRows().plan(mirror)
    assert refused.value.says == "looker may not write people in crm."
    run(people.right, refused.value.remedy)
    synced(mirror)
    assert name not in json.dumps([command.target for command in SyncDriftedRows().plan(mirror).commands])


def test_it_asks_first_whether_the_store_takes_writes(people: Two) -> None:
    name = people.right.rpartition("/")[2]
    run(people.right, "UPDATE people SET stage = 'won' WHERE id = 1")
    run(people.right, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        with pytest.raises(Refused, match="crm takes no writes: it is a standby, or its transactions only read"):
            SyncDriftedRows().plan(people.mirror())
    finally:
        run(people.right, "SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET ALL")


def test_it_copies_into_partitions(people: Two) -> None:
    run(
        people.right,
        "ALTER TABLE people RENAME TO plain",
        "CREATE TABLE people (LIKE plain INCLUDING ALL) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (5)",
        "CREATE TABLE high PARTITION OF people DEFAULT",
        "INSERT INTO people SELECT id, name, email, 'won' FROM plain WHERE id IN (2, 3, 4, 7)",
    )
    synced(people.mirror())
    assert people.rows()[0] == people.rows()[1]


def test_it_leaves_ambiguous_keys_to_a_person(two: Two) -> None:
    run(two.left, PEOPLE.replace(" PRIMARY KEY", ""), "INSERT INTO people VALUES (1), (1), (2)")
    run(two.right, PEOPLE)
    plan = synced(two.mirror())
    assert [command.target["key"] for command in plan.commands] == [["2"]]
    assert "1 key names no single row of people and must be sorted out by hand." in plan.does


@pytest.mark.parametrize("secret", ["hunter2-and-more", "ada.lovelace@example.com"])
def test_it_records_no_secret_and_no_address(people: Two, secret: str) -> None:
    people.both("ALTER TABLE people ADD api_token text")
    run(people.left, "UPDATE people SET api_token = %(s)s, email = 'ada.lovelace@example.com' WHERE id = 1", s=secret)
    plan = SyncDriftedRows().plan(people.mirror())
    said = json.dumps(
        [plan.does, [c.line for c in plan.commands], [dict(c.target) for c in plan.commands], list(plan.evidence)]
    )
    assert "hunter2" not in said
    assert "lovelace" not in said
    outcome = SyncDriftedRows().apply(people.mirror(), plan=plan)
    assert secret not in str(outcome)
    assert people.rows()[0] == people.rows()[1]


@pytest.mark.parametrize(
    "break_off",
    [
        pytest.param(lambda two: None, id="nothing happened"),
        pytest.param(lambda two: run(two.right, "UPDATE people SET stage = 'new' WHERE id = 1"), id="half was done"),
    ],
)
def test_it_says_that_it_was_not_done(people: Two, break_off: Callable[[Two], object]) -> None:
    run(people.right, "UPDATE people SET stage = 'won' WHERE id IN (1, 2)")
    plan = SyncDriftedRows().plan(people.mirror())
    break_off(people)
    assert SyncDriftedRows().applied(people.mirror(), plan=plan) is False
