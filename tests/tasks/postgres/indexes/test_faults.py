"""The fault makes the busiest page slow, and puts everything back whatever was done in between."""

from __future__ import annotations

import threading

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Refused, Threshold
from tasks.postgres.indexes import missing
from tasks.postgres.indexes.actions import CreateMissingIndex
from tasks.postgres.indexes.faults import LARGEST_PAGE, DropIndexUnderLoad, fitting
from tests.tasks.postgres.conftest import Stage, until
from tests.tasks.postgres.keeper import keeper

AT_ONCE = Threshold(warn=0.000001, bad=0.00001, because="Owner: this test.")
PAGES = "SELECT sum(calls) FROM pg_stat_statements WHERE query LIKE 'SELECT l.id, l.name, (SELECT count%'"


def lab(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name=str(kind), kind=kind, systems={"postgres": keeper(stage)})


@pytest.fixture
def shop(stage18: Stage) -> Stage:
    """A small copy of the lab's application."""
    stage18.admin(
        "GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads ADD name text;"
        "ALTER TABLE leads OWNER TO app; SET ROLE app; CREATE TABLE email_sends (id int, lead_id bigint);"
        "INSERT INTO email_sends SELECT n, n / 4 FROM generate_series(1, 20000) n;"
        "CREATE INDEX email_sends_lead_id_idx ON email_sends (lead_id); ANALYZE email_sends"
    )
    stage18.admin("CREATE EXTENSION pg_stat_statements; GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO app")
    return stage18


def indexes(stage: Stage) -> list[tuple[object, ...]]:
    return stage.admin(
        "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = 'email_sends'::regclass"
    )


def calls(stage: Stage) -> int:
    return int(str(stage.admin(PAGES)[0][0] or 0))


def left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("web-")]


def test_it_drops_the_index_under_load_and_mends_it(shop: Stage) -> None:
    with DropIndexUnderLoad().during(lab(shop)):
        assert indexes(shop) == []
        until(lambda: calls(shop) > 6, "visitors load the page")

    assert indexes(shop) == [("email_sends_lead_id_idx", True)]
    assert calls(shop) == 0
    assert left() == []


@pytest.mark.parametrize("lead_s", [0.000_01, 0.002, 0.01, 0.1, 0.9])
def test_a_page_takes_as_long_on_any_machine(lead_s: float) -> None:
    """Each page is judged as a statement of its own: one of many seconds would be a report that ran away."""
    shown, longest = 10, 0.0
    for n in range(12):
        took_s = shown * lead_s
        longest = max(longest, took_s) if n > 1 else longest
        shown = fitting(shown, took_s)
    assert longest <= 2
    assert shown == LARGEST_PAGE if lead_s < 0.004 else 0.5 <= shown * lead_s <= 1.5


def test_a_page_shrinks_at_once_where_the_machine_is_busy_all_at_once() -> None:
    assert fitting(60, 6.0) == 10
    assert fitting(1, 8.0) == 1


def test_it_puts_the_index_back_in_place_of_the_one_the_step_built(
    shop: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing, "LARGE_BYTES", 0)
    action, postgres = CreateMissingIndex(), keeper(shop)
    with DropIndexUnderLoad().during(lab(shop)):
        until(lambda: action.plan(postgres, AT_ONCE).commands, "the missing index is seen")
        assert action.apply(postgres, action.plan(postgres, AT_ONCE)).complete
        assert indexes(shop) == [("email_sends_lead_id_incident", True)]

    assert indexes(shop) == [("email_sends_lead_id_idx", True)]


def test_it_mends_when_the_visitors_were_ended(shop: Stage) -> None:
    with DropIndexUnderLoad().during(lab(shop)):
        until(lambda: calls(shop) > 0, "visitors load the page")
        shop.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'web-%'")

    assert indexes(shop) == [("email_sends_lead_id_idx", True)]
    assert left() == []


def test_it_says_what_it_lacks(shop: Stage) -> None:
    with (
        pytest.raises(Refused, match="There is no index on id of email_sends to drop"),
        DropIndexUnderLoad(column="id").during(lab(shop)),
    ):
        pytest.fail("it did not break anything")


def test_it_refuses_production(shop: Stage) -> None:
    with pytest.raises(RefusesProduction), DropIndexUnderLoad().during(lab(shop, Kind.PRODUCTION)):
        pytest.fail("it broke production")

    assert indexes(shop) == [("email_sends_lead_id_idx", True)]
