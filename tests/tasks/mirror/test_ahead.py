"""Everything that a change carries with it is told before it is approved, is part of what is approved, and counted."""

from __future__ import annotations

import pytest

from tasks.mirror import resync
from tasks.mirror.actions import SyncDriftedRows, SyncOneRecord
from tasks.mirror.resync import ResyncTables
from tasks.mirror.write import MORE_ALONG
from tasks.model import Plan, Refused, Risk
from tests.tasks.mirror.conftest import Two, run

ORDERS = (
    "CREATE SCHEMA shop",
    "CREATE TABLE shop.orders (id int PRIMARY KEY, person bigint REFERENCES people ON DELETE CASCADE)",
    "INSERT INTO people VALUES (77, 'Nobody', 'nobody@example.com')",
    "INSERT INTO shop.orders SELECT n, CASE WHEN n > 500 THEN 1 ELSE 77 END FROM generate_series(1, 503) n",
)
MAIL = (
    "CREATE TABLE outbox (at timestamptz DEFAULT now(), who bigint)",
    "CREATE FUNCTION mail() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN INSERT INTO public.outbox (who) VALUES (NEW.id); RETURN NEW; END'",
    "CREATE TRIGGER welcome AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION mail()",
)


@pytest.fixture
def shop(people: Two) -> Two:
    """The store that follows has a person too many, with 500 orders."""
    run(people.right, *ORDERS)
    return people


def orders(two: Two) -> object:
    return run(two.right, "SELECT count(*) FROM shop.orders")[0][0]


def test_it_tells_counts_and_records_what_cascades(shop: Two) -> None:
    mirror, action = shop.mirror(), SyncOneRecord()

    plan = action.plan(mirror)

    assert plan.does == (
        "Make people in crm agree with app: delete 1. Along with that, over foreign keys: 500 rows of shop.orders are "
        "deleted."
    )
    assert [c.line for c in plan.commands] == [
        "crm: delete the row id 77 of public.people, which app has not; with it 500 rows of shop.orders are deleted"
    ]
    assert (str(plan.blast_radius), plan.risk) == ("501 of 513 rows", Risk.HIGH)
    assert orders(shop) == 503
    outcome = action.apply(mirror, plan=plan)
    assert outcome.says == "1 row: 1 deleted. Besides, as the server counts: 500 rows of shop.orders deleted."
    assert outcome.complete
    assert outcome.rows[-1] == {"table": "shop.orders", "rows": 500, "fate": "deleted along"}
    assert orders(shop) == 3


def test_it_shows_the_row_that_goes_and_masks_it(shop: Two) -> None:
    shop.both("ALTER TABLE people ADD api_token text DEFAULT 'hunter2-and-more'")
    run(shop.right, "ALTER TABLE people ADD remark text", "UPDATE people SET remark = 'only here'")

    plan = SyncDriftedRows().plan(shop.mirror({"hidden": ["stage"]}))

    assert list(plan.evidence) == [
        {
            "table": "people",
            "key": "id 77",
            "field": "the whole row",
            "in app": "missing",
            "in crm": "id: 77; api_token: ••••; email: no…@example.com; name: Nobody; stage: (NULL); remark: only here",
        }
    ]


def test_it_takes_no_more_along_than_was_approved(shop: Two) -> None:
    mirror, action = shop.mirror(), SyncDriftedRows()
    plan = action.plan(mirror)
    run(shop.right, "INSERT INTO shop.orders VALUES (900, 77)")

    outcome = action.apply(mirror, plan=plan)

    assert [row["fate"] for row in outcome.rows] == [MORE_ALONG]
    assert (outcome.complete, orders(shop)) == (False, 504)
    assert action.plan(mirror).exceeds(plan)


def test_it_leaves_what_another_table_holds_and_says_so(shop: Two) -> None:
    run(
        shop.right,
        "CREATE TABLE bills (person bigint REFERENCES people)",
        "INSERT INTO bills VALUES (77), (77)",
        "INSERT INTO people VALUES (78)",
    )
    for action in (SyncOneRecord(), SyncDriftedRows()):
        plan = action.plan(shop.mirror())
        assert [c.target["key"] for c in plan.commands] == [["78"]]
    assert plan.does == (
        "Make people in crm agree with app: delete 1. The row 77 of public.people stays as it is: 2 rows of "
        "public.bills (bills_person_fkey) point at it."
    )
    assert action.apply(shop.mirror(), plan=plan).complete
    assert not action.plan(shop.mirror()).commands


def planned_inserts(two: Two, **urls: dict[str, str]) -> Plan:
    run(two.right, "DELETE FROM people WHERE id > 3", *MAIL)
    return SyncDriftedRows().plan(two.mirror(**urls))


def test_it_tells_of_triggers_and_counts_what_they_wrote(people: Two) -> None:
    plan = planned_inserts(people)

    assert plan.does == (
        "Make people in crm agree with app: insert 6. Triggers fire, and what they do is not known here: welcome on "
        "public.people (it runs public.mail() after each row is inserted: 6 times)."
    )
    assert (plan.risk, plan.commands[0].target["fires"]) == (Risk.MODERATE, ["welcome"])
    assert plan.evidence[-1]["in crm"] == "runs public.mail() after each row is inserted"
    outcome = SyncDriftedRows().apply(people.mirror(), plan=plan)
    assert outcome.says == "6 rows: 6 inserted. Besides, as the server counts: 6 rows of public.outbox inserted."


def test_a_trigger_raises_the_risk_of_one_record(people: Two) -> None:
    run(people.right, "DELETE FROM people WHERE id = 3")
    assert SyncOneRecord().plan(people.mirror()).risk is Risk.LOW
    run(people.right, *MAIL)
    assert SyncOneRecord().plan(people.mirror()).risk is Risk.MODERATE


def test_a_new_trigger_is_another_plan(people: Two) -> None:
    run(people.right, "DELETE FROM people WHERE id = 3")
    plan = SyncDriftedRows().plan(people.mirror())
    run(people.right, *MAIL)
    assert SyncDriftedRows().plan(people.mirror()).exceeds(plan)


def test_it_tells_what_changes_with_a_value_that_others_point_at(people: Two) -> None:
    people.both("ALTER TABLE people ADD UNIQUE (email)")
    run(
        people.right,
        "CREATE TABLE boxes (address text REFERENCES people (email) ON UPDATE CASCADE)",
        "INSERT INTO boxes SELECT email FROM people",
    )
    run(people.left, "UPDATE people SET email = 'new' WHERE id = 2", "UPDATE people SET stage = 'won' WHERE id = 3")

    plan = SyncDriftedRows().plan(people.mirror())

    assert "Along with that, over foreign keys: 1 row of public.boxes is changed." in plan.does
    outcome = SyncDriftedRows().apply(people.mirror(), plan=plan)
    assert outcome.says == "2 rows: 2 updated. Besides, as the server counts: 1 row of public.boxes updated."


def test_it_asks_for_sight_of_what_would_go(shop: Two) -> None:
    where = shop.right.rpartition("@")[2]
    if not run(shop.right, "SELECT 1 FROM pg_roles WHERE rolname = 'writer'"):
        run(shop.right, "CREATE ROLE writer LOGIN PASSWORD 'writer-has-none'")
    run(shop.right, "GRANT USAGE ON SCHEMA public TO writer", "GRANT ALL ON people TO writer")
    mirror = shop.mirror(right={"action_url": f"postgresql://writer:writer-has-none@{where}"})

    with pytest.raises(Refused, match=r"Rows of shop\.orders point at rows .* and writer may not see how many") as no:
        SyncDriftedRows().plan(mirror)
    assert no.value.remedy == "GRANT USAGE ON SCHEMA shop TO writer; GRANT SELECT ON shop.orders TO writer;"
    run(shop.right, no.value.remedy)
    plan = SyncDriftedRows().plan(mirror)
    assert SyncDriftedRows().apply(mirror, plan=plan).complete
    assert orders(shop) == 3


def test_a_resync_tells_and_takes_no_more_either(shop: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resync, "ROWS_A_RANGE", 400)
    run(shop.right, "INSERT INTO people SELECT generate_series(101, 150)", *MAIL)
    run(
        shop.right,
        "CREATE TABLE bills (person bigint REFERENCES people)",
        "INSERT INTO bills VALUES (150)",
    )
    mirror = shop.mirror({"max_rows": 5, "resync_max_rows": 100})
    plan = ResyncTables().plan(mirror)
    assert plan.does == (
        "Make people in crm agree with app: 51 rows in 1 range. Along with that, over foreign keys: 500 rows of "
        "shop.orders are deleted. The row 150 of public.people stays as it is: 1 row of public.bills "
        "(bills_person_fkey) points at it."
    )
    assert str(plan.blast_radius) == "551 of 563 rows"
    run(shop.right, "INSERT INTO shop.orders VALUES (900, 77)")
    assert ResyncTables().apply(mirror, plan=plan).says.startswith("1 range: 0 rows inserted, 0 rows updated, 0 rows")
    assert orders(shop) == 504
    outcome = ResyncTables().apply(mirror, plan=ResyncTables().plan(mirror))
    assert outcome.says == (
        "1 range: 0 rows inserted, 0 rows updated, 50 rows deleted. 1 range left alone, in whole or in part. "
        "Besides, as the server counts: 501 rows of shop.orders deleted."
    )


def test_a_resync_refuses_what_nobody_could_count(shop: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.mirror.compare.ROWS_AT_MOST", 0)
    run(shop.right, "INSERT INTO people SELECT generate_series(101, 150)")
    with pytest.raises(Refused, match=r"rows of shop\.orders \(orders_person_fkey\) may go or change with them"):
        ResyncTables().plan(shop.mirror({"max_rows": 5, "resync_max_rows": 100}))
