"""Exactly the rows that were shown, each only while it holds what was seen; and back again, exactly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tasks.application.exact import MOST_ROWS, Change, PutBack, applied, apply, planned, undone
from tasks.model import CannotLook, Plan, Refused
from tests.tasks.application.conftest import Shop


def change(key: int, was: str = "active", to: str = "invalid") -> Change:
    return Change(part="leads", key=str(key), was={"status": was}, to={"status": to})


def plan(shop: Shop, changes: Sequence[Change]) -> Plan:
    return planned(shop.door(), "Mark them.", changes, noun="leads")


def marked(shop: Shop) -> list[object]:
    return [row[0] for row in shop.run("SELECT id FROM leads WHERE status = 'invalid' ORDER BY id")]


def test_it_changes_what_was_shown_and_nothing_else(own_shop: Shop) -> None:
    shown = plan(own_shop, [change(3), change(7)])
    assert [command.line for command in shown.commands] == [
        f'UPDATE "public"."leads" SET "status" = \'invalid\' WHERE "id" = \'{key}\' AND "status" = \'active\';'  # noqa: S608
        for key in (3, 7)
    ]
    assert (shown.blast_radius.touched, shown.blast_radius.noun) == (2, "leads")
    assert marked(own_shop) == []
    assert applied(own_shop.door(), shown) is False
    outcome = apply(own_shop.door(), shown)
    assert (outcome.complete, outcome.says, outcome.not_done) == (True, "2 rows of 2 changed.", [])
    assert marked(own_shop) == [3, 7]
    assert applied(own_shop.door(), shown) is True


def test_it_does_what_the_line_says(own_shop: Shop) -> None:
    """What is shown could be typed."""
    for command in plan(own_shop, [change(3), change(7)]).commands:
        own_shop.run(command.line)
    assert marked(own_shop) == [3, 7]


def test_it_leaves_alone_what_moved_since(shop: Shop) -> None:
    shown = plan(shop, [change(1), change(2), change(5000)])
    shop.run("UPDATE leads SET status = 'customer' WHERE id = 2")
    outcome = apply(shop.door(), shown)
    assert (outcome.complete, marked(shop)) == (False, [1])
    assert outcome.says == "1 row of 3 changed. 2 rows held something else by then and were left alone."
    assert [row["key"] for row in outcome.not_done] == ["2", "5000"]
    # And the undo takes back what was done, no more.
    back = undone(shown)
    assert isinstance(back, PutBack)
    done = outcome.done_of(shown)
    assert [command.target["key"] for command in done.commands] == ["1"]


def test_it_does_nothing_the_second_time(shop: Shop) -> None:
    shown = plan(shop, [change(1)])
    apply(shop.door(), shown)
    again = apply(shop.door(), shown)
    assert (again.complete, again.says) == (
        False,
        "No row of 1 changed. 1 row held something else by then and was left alone.",
    )
    assert marked(shop) == [1]


def test_it_puts_back_what_was_there_and_leaves_what_was_changed_since(shop: Shop) -> None:
    shop.run("UPDATE leads SET status = 'customer' WHERE id = 2; UPDATE leads SET status = NULL WHERE id = 3")
    unset = Change(part="leads", key="3", was={"status": None}, to={"status": "invalid"})
    shown = plan(shop, [change(1), change(2, was="customer"), unset, change(4)])
    assert apply(shop.door(), shown).complete
    shop.run("UPDATE leads SET status = 'active' WHERE id = 4")
    back = undone(shown)
    putting = back.plan(shop.door())
    assert putting.does == "Put 3 rows back as before. 1 row left as it is: changed again since."
    assert back.apply(shop.door(), putting).complete
    assert back.applied(shop.door(), putting) is True
    held = shop.run("SELECT status FROM leads WHERE id <= 4 ORDER BY id")
    assert held == [("active",), ("customer",), (None,), ("active",)]


def test_it_is_all_or_nothing(own_shop: Shop) -> None:
    own_shop.run(
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;"
        "CREATE TRIGGER no BEFORE UPDATE ON leads FOR EACH ROW WHEN (OLD.id = 2) EXECUTE FUNCTION no()"
    )
    with pytest.raises(CannotLook, match="not this one"):
        apply(own_shop.door(), plan(own_shop, [change(1), change(2)]))
    assert marked(own_shop) == []


def test_it_refuses_when_the_server_makes_something_else_of_it(own_shop: Shop) -> None:
    own_shop.run(
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.status = 'odd'; RETURN NEW; END $$;"
        "CREATE TRIGGER other BEFORE UPDATE ON leads FOR EACH ROW EXECUTE FUNCTION other()"
    )
    shown = plan(own_shop, [change(1)])
    assert "Triggers fire, and what they do is not known here: other on public.leads" in shown.does
    with pytest.raises(Refused, match="makes something else of leads 1"):
        apply(own_shop.door(), shown)
    assert own_shop.run("SELECT count(*) FROM leads WHERE status = 'odd'") == [(0,)]


def test_it_refuses_a_trigger_that_came_after_the_plan(own_shop: Shop) -> None:
    """Told is what fires, and what it wrote; what nobody could be told of is not done."""
    shown = plan(own_shop, [change(1)])
    own_shop.run(
        "CREATE FUNCTION along() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN UPDATE campaigns SET status = 'gone'; RETURN NEW; END $$;"
        "CREATE TRIGGER along AFTER UPDATE ON leads FOR EACH ROW EXECUTE FUNCTION along()"
    )
    assert "along on public.leads" in plan(own_shop, [change(1)]).does
    with pytest.raises(Refused, match="Triggers fire that the plan did not tell of"):
        apply(own_shop.door(), shown)
    assert own_shop.run("SELECT count(*) FROM campaigns WHERE status = 'gone'") == [(0,)]
    outcome = apply(own_shop.door(), plan(own_shop, [change(1)]))
    assert outcome.says.endswith("Besides, as the server counts: 2 rows of public.campaigns updated.")


def test_it_refuses_a_key_that_names_two_rows(own_shop: Shop) -> None:
    own_shop.run(
        "ALTER TABLE leads DROP CONSTRAINT leads_pkey; INSERT INTO leads (id, email) VALUES (1, 'again@example.com')"
    )
    with pytest.raises(Refused, match=r"leads\.id = 1 names more than one row"):
        plan(own_shop, [change(1), change(1)])
    with pytest.raises(Refused, match="A key of leads names more than one row"):
        apply(own_shop.door(), plan(own_shop, [change(1)]))
    assert marked(own_shop) == []


def test_it_refuses_what_could_not_be_done_before_anybody_is_asked(own_shop: Shop) -> None:
    own_shop.run("REVOKE UPDATE ON leads FROM actor, app")
    with pytest.raises(Refused, match=r"actor may not write public\.leads") as told:
        plan(own_shop, [change(1)])
    assert told.value.remedy == "GRANT SELECT, UPDATE ON public.leads TO actor;"
    own_shop.run(
        "ALTER TABLE leads RENAME TO people; CREATE VIEW leads AS SELECT * FROM people; GRANT ALL ON leads TO actor"
    )
    with pytest.raises(Refused, match="no plain table"):
        plan(own_shop, [change(1)])


def test_it_refuses_more_than_a_person_reads(shop: Shop) -> None:
    with pytest.raises(Refused, match="More than 5,000 rows"):
        plan(shop, [change(n) for n in range(MOST_ROWS + 1)])


def test_no_value_becomes_sql(own_shop: Shop) -> None:
    hostile = "'); DROP TABLE leads; --%s\\{leads}[[x]]"
    own_shop.run("ALTER TABLE leads ALTER id TYPE text")
    escaped = hostile.replace("'", "''")
    own_shop.run(f"INSERT INTO leads (id, status) VALUES ('{escaped}', '{escaped}')")  # noqa: S608
    shown = plan(own_shop, [Change(part="leads", key=hostile, was={"status": hostile}, to={"status": hostile + "!"})])
    assert apply(own_shop.door(), shown).complete
    assert own_shop.run("SELECT count(*) FROM leads WHERE status = id || '!'") == [(1,)]
    own_shop.run("UPDATE leads SET status = id WHERE status = id || '!'")
    own_shop.run(shown.commands[0].line)
    assert own_shop.run("SELECT count(*) FROM leads WHERE status = id || '!'") == [(1,)]


@pytest.mark.parametrize("kind", ["smallint", "text", "uuid", "numeric(30)"])
def test_it_finds_rows_by_a_key_of_any_type(own_shop: Shop, kind: str) -> None:
    made = "md5(id::text)::uuid" if kind == "uuid" else f"id::{kind}"
    own_shop.run(f"ALTER TABLE leads ALTER id TYPE {kind} USING {made}")
    [(key,)] = own_shop.run("SELECT id::text FROM leads ORDER BY id LIMIT 1")
    one = Change(part="leads", key=str(key), was={"status": "active"}, to={"status": "invalid"})
    assert apply(own_shop.door(), plan(own_shop, [one])).complete
    assert own_shop.run("SELECT count(*) FROM leads WHERE status = 'invalid'") == [(1,)]
