"""Enrichment: what waits and what fails is told with its limits; exactly what was shown is tried again, or skipped."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.action import Action
from tasks.application.enrichment.actions import (
    ATTEMPTS,
    RetryFailedEnrichment,
    SkipFailingProspects,
    TriggerEnrichment,
)
from tasks.application.enrichment.checks import (
    LEAST,
    WAITED,
    check_enrichment_failures,
    check_enrichment_waiting,
)
from tasks.application.enrichment.faults import FailProspects, PassOverProspects
from tasks.environment import Environment, Kind
from tasks.fault import Fault
from tasks.model import Outcome, Plan, Refused, Threshold, Verdict
from tests.tasks.application.conftest import Shop

OK, WARN, BAD = Verdict.OK, Verdict.WARN, Verdict.BAD
STAGES = "SELECT stage, count(*)::int FROM prospects GROUP BY 1"


def prospects(shop: Shop, amount: int, stage: str, ago: str = "1 hour", **columns: str) -> None:
    given = {"stage": f"'{stage}'", "stage_changed_at": f"now() - interval '{ago}'", **columns}
    shop.run(
        f"INSERT INTO prospects ({', '.join(given)}) SELECT {', '.join(given.values())} "  # noqa: S608
        f"FROM generate_series(1, {amount})"
    )


def stages(shop: Shop) -> dict[Any, Any]:
    return dict(shop.run(STAGES))  # type: ignore[arg-type]


def everything(shop: Shop) -> list[tuple[object, ...]]:
    return shop.run("SELECT * FROM prospects ORDER BY id")


def done(action: Action, shop: Shop, plan: Plan) -> Outcome:
    door = shop.door()
    assert action.applied(door, plan=plan) is False
    outcome: Outcome = action.apply(door, plan=plan)
    assert action.applied(door, plan=plan) is True
    return outcome


def taken_back(action: Action, shop: Shop, plan: Plan, outcome: Outcome) -> None:
    undo = action.undoing(plan, outcome)
    assert undo is not None
    undo.apply(shop.door(), plan=undo.plan(shop.door()))


@pytest.mark.parametrize(
    ("ago", "verdict"),
    [("5 hours 59 minutes", OK), ("6 hours", WARN), ("23 hours 59 minutes", WARN), ("24 hours", BAD)],
)
@pytest.mark.parametrize("stage", ["new", "queued"])
def test_what_waits_is_judged_by_the_oldest(shop: Shop, stage: str, ago: str, verdict: Verdict) -> None:
    prospects(shop, 3, stage, ago)
    prospects(shop, 2, "new", "1 minute")
    # Done with, however long ago.
    for other in ("enriched", "failed", "skipped"):
        prospects(shop, 1, other, "90 days")
    found = check_enrichment_waiting.fn(shop.door())
    assert found.verdict is verdict
    assert found.facts["waiting"] == 5


def test_what_it_says(shop: Shop) -> None:
    prospects(shop, 3, "new", "25 hours")
    prospects(shop, 1, "queued", "1 hour")
    prospects(shop, 2, "enriched")
    assert check_enrichment_waiting.fn(shop.door()).says == (
        "4 prospects wait to be enriched, 3 of them new; the oldest for 25 h (bad from 24 h). "
        "2 prospects were enriched within a day."
    )
    shop.run("TRUNCATE prospects")
    assert check_enrichment_waiting.fn(shop.door()).says == (
        "No prospect waits to be enriched; no prospect was enriched within a day."
    )


@pytest.mark.parametrize(
    ("failed", "enriched", "verdict"),
    [(0, 0, OK), (0, 40, OK), (3, 37, OK), (4, 36, WARN), (9, 31, WARN), (10, 30, BAD), (5, 2, OK)],
)
def test_failures_are_judged_as_a_share_of_what_was_tried(
    shop: Shop, failed: int, enriched: int, verdict: Verdict
) -> None:
    prospects(shop, failed, "failed")
    prospects(shop, enriched, "enriched")
    # Of another day.
    prospects(shop, 50, "failed", "25 hours")
    found = check_enrichment_failures.fn(shop.door())
    # Of a handful that all fail, at most a warning is said.
    assert found.verdict is verdict or (failed + enriched < LEAST and found.verdict is WARN)


def test_reasons_are_told_cut_and_without_addresses(shop: Shop) -> None:
    prospects(shop, 12, "failed", error="'api.x.ai answered 503'")
    prospects(shop, 3, "failed", error="'no such mailbox: ada.lovelace@example.com'")
    prospects(shop, 2, "failed", error="E'two\\nlines\\x1b[31m' || repeat('x', 9000)")
    prospects(shop, 20, "enriched")
    found = check_enrichment_failures.fn(shop.door())
    assert found.verdict is BAD
    assert found.says == (
        "The enrichment of 46% of 37 prospects failed within a day (bad from 25%). "
        "Most often: “api.x.ai answered 503” (12)."
    )
    told = [str(row["error"]) for row in found.rows]
    assert "lovelace" not in repr(found)
    assert all(len(one) <= 160 and one.isprintable() for one in told)
    assert check_enrichment_failures.fn(shop.door("prospects.error")).rows == []


def test_it_triggers_exactly_the_new_ones_that_were_passed_over(shop: Shop) -> None:
    prospects(shop, 4, "new", "7 hours")
    prospects(shop, 3, "new", "5 hours")
    prospects(shop, 2, "queued", "9 hours")
    prospects(shop, 2, "failed", "9 hours")
    before, action = everything(shop), TriggerEnrichment()
    plan = action.plan(shop.door())
    assert plan.does == "Put 4 prospects into the queue."
    assert str(plan.blast_radius).startswith("4 of ")
    assert everything(shop) == before
    outcome = done(action, shop, plan)
    assert outcome.complete
    assert stages(shop) == {"new": 3, "queued": 6, "failed": 2}
    # What is put into the queue waits since then, not since it was taken in.
    assert shop.run(
        "SELECT count(*) FROM prospects WHERE stage = 'queued' AND stage_changed_at < now() - interval '2 h'"
    ) == [(2,)]
    # A second run finds nothing more.
    assert action.plan(shop.door()).commands == ()
    taken_back(action, shop, plan, outcome)
    assert everything(shop) == before


def test_it_acts_by_the_limit_of_the_question(shop: Shop) -> None:
    prospects(shop, 4, "new", "7 hours")
    own = Threshold(warn=8 * 3600, bad=24 * 3600, because="This team imports at night.")
    assert TriggerEnrichment().plan(shop.door(), waited=own).commands == ()
    assert len(TriggerEnrichment().plan(shop.door(), waited=WAITED).commands) == 4


def test_what_was_taken_up_meanwhile_is_left_alone(shop: Shop) -> None:
    prospects(shop, 3, "new", "7 hours")
    action = TriggerEnrichment()
    plan = action.plan(shop.door())
    shop.run("UPDATE prospects SET stage = 'enriched' WHERE id = (SELECT min(id) FROM prospects)")
    prospects(shop, 5, "new", "8 hours")
    outcome = action.apply(shop.door(), plan=plan)
    assert not outcome.complete
    assert len(outcome.not_done) == 1
    # Nothing grew between plan and act.
    assert stages(shop) == {"enriched": 1, "queued": 2, "new": 5}
    taken_back(action, shop, plan, outcome)
    assert stages(shop) == {"enriched": 1, "new": 7}


def test_it_tries_again_what_failed_and_not_what_fails_for_ever(shop: Shop) -> None:
    prospects(shop, 5, "failed", attempts="1", error="'api.x.ai answered 503'")
    prospects(shop, 2, "failed", attempts=str(ATTEMPTS), error="'no website'")
    prospects(shop, 1, "failed", attempts="NULL")
    prospects(shop, 3, "failed", "8 days", attempts="1")
    before, action = everything(shop), RetryFailedEnrichment()
    plan = action.plan(shop.door())
    assert plan.does == "Put 6 prospects that failed into the queue again."
    assert plan.evidence == [
        {"error": "api.x.ai answered 503", "prospects": 5},
        {"error": "no reason", "prospects": 1},
    ]
    outcome = done(action, shop, plan)
    assert stages(shop) == {"queued": 6, "failed": 5}
    # Why they failed stays where it is: an undo would miss it.
    assert shop.run("SELECT count(*) FROM prospects WHERE stage = 'queued' AND error IS NOT NULL") == [(5,)]
    taken_back(action, shop, plan, outcome)
    assert everything(shop) == before
    # Where nobody counts, all are tried.
    assert len(action.plan(shop.door("prospects.attempts")).commands) == 8


def test_it_skips_only_what_fails_for_ever(shop: Shop) -> None:
    prospects(shop, 5, "failed", attempts="1")
    prospects(shop, 2, "failed", attempts="3")
    before, action = everything(shop), SkipFailingProspects()
    plan = action.plan(shop.door())
    assert plan.does == "Skip 2 prospects that failed 3 times and more."
    outcome = done(action, shop, plan)
    assert stages(shop) == {"failed": 5, "skipped": 2}
    taken_back(action, shop, plan, outcome)
    assert everything(shop) == before
    with pytest.raises(Refused, match=r"prospects\.attempts"):
        action.plan(shop.door("prospects.attempts"))


def test_a_round_is_bounded_and_says_what_waits(shop: Shop) -> None:
    prospects(shop, 503, "new", "7 hours")
    plan = TriggerEnrichment().plan(shop.door())
    assert len(plan.commands) == 500
    assert plan.does == "Put 500 prospects into the queue. 3 more wait for the next time."


def test_where_the_database_stamps_only_the_status_is_written(own_shop: Shop) -> None:
    own_shop.run(
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.stage_changed_at := now(); RETURN NEW; END $$;"
        "CREATE TRIGGER stamps BEFORE UPDATE ON prospects FOR EACH ROW EXECUTE FUNCTION stamp()"
    )
    prospects(own_shop, 2, "new", "7 hours")
    action = TriggerEnrichment()
    # Written by both, it is refused, and nothing is changed.
    with pytest.raises(Refused, match="makes something else"):
        action.apply(own_shop.door(), plan=action.plan(own_shop.door()))
    assert stages(own_shop) == {"new": 2}
    door = own_shop.door(prospects={"stamped_by_database": True})
    plan = action.plan(door)
    assert action.apply(door, plan=plan).complete
    assert stages(own_shop) == {"queued": 2}
    assert check_enrichment_waiting.fn(door).verdict is OK


@pytest.mark.parametrize(
    ("fault", "noticed_by", "action"),
    [
        (FailProspects(), check_enrichment_failures, RetryFailedEnrichment()),
        (PassOverProspects(), check_enrichment_waiting, TriggerEnrichment()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_its_drills_are_noticed_resolved_and_leave_nothing(
    shop: Shop, fault: Fault, noticed_by: Any, action: Any
) -> None:
    prospects(shop, 80, "enriched")
    place = Environment(name="staging", kind=Kind.STAGING, systems={"application": shop.door()})
    before = everything(shop)
    with fault.during(place):
        assert noticed_by.ask(place).verdict is BAD
        plan = action.plan(shop.door())
        assert action.apply(shop.door(), plan=plan).complete
        assert noticed_by.ask(place).verdict is OK
    assert everything(shop) == before
