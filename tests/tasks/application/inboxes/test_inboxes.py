"""Inboxes: is their health judged as receivers do, and is exactly what was shown paused, lowered, resumed, raised?"""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.inboxes.actions import LowerInboxLimits, PauseInboxes, RaiseInboxLimits, ResumeInboxes
from tasks.application.inboxes.checks import (
    check_inbox_health,
    check_inbox_pace,
    check_inbox_room,
    check_inboxes_active,
)
from tasks.application.inboxes.faults import BounceFromInbox, LeaveInboxesPaused, UseUpLimits
from tasks.application.inboxes.health import WARMUP, WEIGHTS, score, warmup_limit
from tasks.application.inboxes.warmup import BeginWarmup, check_inbox_known, check_inbox_warmup
from tasks.check import Check
from tasks.environment import Environment, Kind
from tasks.fault import Fault
from tasks.model import Plan, Refused, Verdict
from tests.tasks.application.conftest import Shop

INBOXES = "SELECT id, status, daily_limit, warmup_from::text, paused_until::text FROM inboxes ORDER BY id"
DAYS = "SELECT * FROM inbox_days ORDER BY 1, 2"


def done(action: Action, shop: Shop, plan: Plan) -> None:
    """Done, seen to be, harmless a second time, and taken back to the letter."""
    before, door = shop.run(INBOXES), shop.door()
    assert action.applied(door, plan=plan) is False
    outcome = action.apply(door, plan=plan)
    assert outcome.complete
    assert action.applied(door, plan=plan) is True
    after = shop.run(INBOXES)
    assert {row[0] for row in set(after) - set(before)} == {int(str(c.target["key"])) for c in plan.commands}
    undo = action.undoing(plan, outcome)
    assert undo is not None
    undo.apply(door, plan=undo.plan(door))
    assert shop.run(INBOXES) == before
    action.apply(door, plan=plan)
    assert shop.run(INBOXES) == after


def test_the_weights_are_the_documents() -> None:
    assert WEIGHTS == {"bounces": 40, "complaints": 30, "replies": 20, "age": 10}


@pytest.mark.parametrize(
    ("sent", "bounced", "complained", "replied", "age", "expected"),
    [
        (1000, 0, 0, 50, 400, 100),
        # 1-6: every mail bounces, the rest perfect: 60 by the sum, never paused.
        (1000, 1000, 0, 50, 400, 49),
        # 1-6: 10 % bounces and 1 % complaints: 95.7 on a linear scale.
        (1000, 100, 10, 50, 400, 30),
        # 1-6: a clean new inbox without replies: 70, degraded from the first day.
        (5, 0, 0, 0, 0, 90),
        # 1-7: one bounce of five mails is 20 %, and no rate.
        (5, 1, 0, 0, 0, 82),
        (5, 2, 0, 0, 0, 74),
        (40, 5, 0, 0, 20, 49),
        (1000, 20, 0, 50, 400, 79),
        (1000, 50, 0, 50, 400, 49),
        (100_000, 0, 79, 5000, 400, 92),
        (100_000, 0, 80, 5000, 400, 79),
        (100_000, 0, 300, 5000, 400, 49),
        (900, 0, 1, 45, 400, 79),
        (900, 0, 3, 45, 400, 49),
        (1000, 0, 0, 0, 400, 80),
        (0, 0, 0, 0, 0, 90),
        (0, 0, 0, None, None, 100),
    ],
)
def test_it_scores_by_weights_and_by_what_is_critical_alone(
    sent: int, bounced: int, complained: int, replied: int | None, age: int | None, expected: int
) -> None:
    given = {"sent": sent, "bounced": bounced, "complained": complained}
    assert score(**given, replied=replied, age_days=age) == expected


@pytest.mark.parametrize(
    ("days", "limit"), [(-1, 0), (0, 5), (6, 5), (7, 10), (14, 15), (27, 20), (28, 25), (49, 40), (4000, 40)]
)
def test_it_warms_up_by_the_week(days: int, limit: int) -> None:
    assert warmup_limit(days) == limit


def test_it_pauses_exactly_the_inboxes_in_bad_health(shop: Shop) -> None:
    for number, bounced in ((1, 0), (2, 300), (3, 30), (4, 500)):
        shop.inbox(number, limit=2000)
        shop.inbox_day(number, sent=1000, bounced=bounced, ago=1, replied=50)
    shop.run("UPDATE inboxes SET status = 'paused' WHERE id = 4")
    found = check_inbox_health.fn(shop.door())
    assert (found.verdict, found.value) == (Verdict.BAD, 49)
    assert [(row["address"], row["score"]) for row in found.rows] == [
        ("sales2@example.com", 49),
        ("sales3@example.com", 76),
    ]
    plan = PauseInboxes().plan(shop.door())
    assert [command.target["key"] for command in plan.commands] == ["2"]
    done(PauseInboxes(), shop, plan)
    assert check_inbox_health.fn(shop.door()).verdict is Verdict.WARN
    assert shop.run("SELECT paused_until - now() BETWEEN '6 days' AND '7 days' FROM inboxes WHERE id = 2") == [(True,)]
    assert PauseInboxes().plan(shop.door()).commands == ()


def test_what_is_older_than_a_week_counts_no_more(shop: Shop) -> None:
    shop.inbox(1)
    shop.inbox_day(1, sent=1000, bounced=1000, ago=7)
    assert check_inbox_health.fn(shop.door()).value == 100


def test_it_only_ever_lowers_the_limit_of_an_inbox_in_doubt(shop: Shop) -> None:
    """1-12: a limit of 10 doubles that of an inbox in its first week."""
    shop.inbox(1, limit=2000)
    shop.inbox(2, limit=40, week=1)
    shop.inbox(3, limit=8)
    shop.inbox(4, limit=2000)
    for number in (1, 2, 3):
        shop.inbox_day(number, sent=100, bounced=3, ago=1)
    assert check_inbox_pace.fn(shop.door()).verdict is Verdict.BAD
    plan = LowerInboxLimits().plan(shop.door())
    assert [(c.target["key"], c.target["to"]) for c in plan.commands] == [("1", {"daily_limit": "10"})]
    done(LowerInboxLimits(), shop, plan)
    assert check_inbox_pace.fn(shop.door()).verdict is Verdict.OK


def test_it_resumes_what_is_over_and_well_again(shop: Shop) -> None:
    over, still = "now() - interval '1 hour'", "now() + interval '1 day'"
    for number, until in ((1, over), (2, still), (3, over), (4, "NULL")):
        shop.inbox(number, status="'paused'", paused_until=until)
    shop.inbox_day(3, sent=1000, bounced=300, ago=1)
    assert check_inboxes_active.fn(shop.door()).verdict is Verdict.BAD
    plan = ResumeInboxes().plan(shop.door())
    assert [command.target["key"] for command in plan.commands] == ["1"]
    assert "1 left paused: in bad health still." in plan.does
    done(ResumeInboxes(), shop, plan)
    assert check_inboxes_active.fn(shop.door()).verdict is Verdict.WARN


def test_it_raises_limits_to_the_warm_up_and_no_further(shop: Shop) -> None:
    shop.inbox(1, limit=2, week=3)
    shop.inbox(2, limit=15, week=3)
    shop.inbox(3, limit=0)
    shop.inbox(4, limit=2, week=9)
    shop.inbox_day(1, sent=2)
    shop.inbox_day(2, sent=15)
    shop.inbox_day(4, sent=30, bounced=6)
    found = check_inbox_room.fn(shop.door())
    assert (found.verdict, found.value) == (Verdict.BAD, 0)
    plan = RaiseInboxLimits().plan(shop.door())
    assert [(c.target["key"], c.target["to"]) for c in plan.commands] == [("1", {"daily_limit": "15"})]
    done(RaiseInboxLimits(), shop, plan)
    assert check_inbox_room.fn(shop.door()).value == 13


def test_it_begins_the_warm_up_today_with_five_a_day(shop: Shop) -> None:
    """1-11: a beginning in the past is a later week at once."""
    shop.inbox(1, limit=500)
    shop.inbox(2, limit=500)
    door = shop.door()
    assert check_inbox_known.fn(door, inbox="Sales1@example.com").verdict is Verdict.OK
    assert check_inbox_warmup.fn(door, inbox="sales1@example.com").verdict is Verdict.BAD
    plan = BeginWarmup().plan(door, inbox="sales1@example.com")
    assert [row["mails_a_day"] for row in plan.evidence] == list(WARMUP)
    assert [command.target["key"] for command in plan.commands] == ["1"]
    done(BeginWarmup(), shop, plan)
    assert shop.run("SELECT daily_limit, warmup_from = (now() AT TIME ZONE 'UTC')::date FROM inboxes WHERE id = 1") == [
        (5, True)
    ]
    assert check_inbox_warmup.fn(door, inbox="sales1@example.com").verdict is Verdict.OK
    assert BeginWarmup().plan(door, inbox="sales1@example.com").commands == ()


def test_it_begins_no_warm_up_of_an_inbox_that_is_not_there(shop: Shop) -> None:
    shop.inbox(1, address="'sales2@example.com'")
    shop.inbox(2)
    for address in ("nobody@example.com", "sales2@example.com", "%", "'; DROP TABLE inboxes; --"):
        with pytest.raises(Refused, match="inbox with this address"):
            BeginWarmup().plan(shop.door(), inbox=address)


@pytest.mark.parametrize(
    ("fault", "noticed", "action"),
    [
        (BounceFromInbox(), check_inbox_health, PauseInboxes()),
        (LeaveInboxesPaused(), check_inboxes_active, ResumeInboxes()),
        (UseUpLimits(), check_inbox_room, RaiseInboxLimits()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_drill_is_noticed_resolved_and_put_back(
    shop: Shop, fault: Fault, noticed: Check[...], action: Action
) -> None:
    for number, week in ((1, None), (2, 2)):
        shop.inbox(number, limit=10, week=week)
        shop.inbox_day(number, sent=40 * number, ago=1)
    there = Environment(name="here", kind=Kind.LAB, systems={"application": shop.door()})
    before = [shop.run(INBOXES), shop.run(DAYS)]
    assert noticed.ask(there).verdict is Verdict.OK
    with fault.during(there):
        assert noticed.ask(there).verdict is Verdict.BAD
        action.apply(shop.door(), plan=action.plan(shop.door()))
        assert noticed.ask(there).verdict in (Verdict.OK, Verdict.WARN)
    assert [shop.run(INBOXES), shop.run(DAYS)] == before
