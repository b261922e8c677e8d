"""What waits in the queue: seen, and nothing of it sent twice."""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.control.actions import LowerSendRate, ResumeSending
from tasks.application.control.checks import check_held_back
from tasks.application.control.queue import RequeueHeld, TakeOutSent, WithdrawWrong, check_queue_went_out
from tasks.application.control.sender import StartSender, check_sender_on
from tasks.application.faults import StickQueue
from tasks.application.sending.checks import check_stuck_sends
from tasks.environment import Environment, Kind
from tasks.model import Outcome, Plan, Refused, Risk, Verdict
from tests.tasks.application.conftest import Shop

ROWS = "SELECT * FROM email_sends ORDER BY id"
WORKFLOWS = "SELECT workflow_name, active, next_run_at::text FROM workflows ORDER BY 1"


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


def statuses(shop: Shop) -> dict[object, object]:
    return dict(shop.run("SELECT send_status::text, count(*)::int FROM email_sends GROUP BY 1"))  # type: ignore[arg-type]


def restored(shop: Shop, mails: int = 200) -> None:
    """A restore brought the queue back as it was; the provider's events came in again since."""
    shop.mails(mails)
    shop.events("open", mails)
    shop.run("UPDATE email_sends SET send_status = 'queued', actual_send_time = NULL")


def test_a_restore_sends_none_of_200_mails_twice(shop: Shop) -> None:
    """3-3: the dump holds the queue as it was: 200 of 200 mails went out twice."""
    restored(shop)
    shop.mails(5, status="queued", ago="1 hour")
    shop.run("UPDATE workflows SET active = false WHERE workflow_name = 'Sender'")
    found = check_queue_went_out.fn(shop.door())
    assert (found.verdict, found.value) == (Verdict.BAD, 200)
    with pytest.raises(Refused, match="200 mails in the queue went out already, as their rows tell") as told:
        StartSender().plan(shop.door())
    assert "compare with the provider's log" in told.value.remedy

    action, before = TakeOutSent(), shop.run(ROWS)
    plan = action.plan(shop.door())
    assert len(plan.commands) == 200
    outcome = done(action, shop, plan)
    assert statuses(shop) == {"sent": 200, "queued": 5}
    assert check_queue_went_out.fn(shop.door()).verdict is Verdict.OK
    assert action.plan(shop.door()).commands == ()
    assert len(StartSender().plan(shop.door()).commands) == 1
    taken_back(action, shop, plan, outcome)
    assert shop.run(ROWS) == before


@pytest.mark.parametrize("trace", ["message_id = 'm1'", "actual_send_time = now()"])
def test_each_trace_of_having_gone_out_counts(shop: Shop, trace: str) -> None:
    shop.mails(3, status="queued")
    assert check_queue_went_out.fn(shop.door()).verdict is Verdict.OK
    shop.run(f"UPDATE email_sends SET {trace} WHERE id = (SELECT min(id) FROM email_sends)")  # noqa: S608
    assert check_queue_went_out.fn(shop.door()).value == 1


def test_it_requeues_what_a_sender_forgot_and_never_what_went_out(shop: Shop) -> None:
    """3-4, 3-6, 1-3: a retry sent 200 of 200 mails twice."""
    shop.mails(40, status="sending", claimed_at="now() - interval '2 hours'")
    shop.run("UPDATE email_sends SET message_id = 'm' || id WHERE id % 4 = 0")
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_hash) "
        "SELECT id, 'open', 'open' || id FROM email_sends WHERE id % 4 = 1"
    )
    shop.mails(7, status="sending", claimed_at="now() - interval '59 minutes'")
    action, before = RequeueHeld(), shop.run(ROWS)
    plan = action.plan(shop.door())
    gone = {str(key) for (key,) in shop.run("SELECT id FROM email_sends WHERE id % 4 IN (0, 1)")}
    keys = {str(command.target["key"]) for command in plan.commands}
    assert (len(keys), keys & gone) == (20, set())
    assert "20 mails left out that went out" in plan.does
    assert (plan.risk, plan.evidence[0]["went_out"]) == (Risk.HIGH, True)

    # Meanwhile the provider is heard after all.
    first = min(keys)
    shop.run(f"UPDATE email_sends SET send_status = 'sent' WHERE id = {first}")  # noqa: S608
    outcome = action.apply(shop.door(), plan=plan)
    assert (outcome.complete, len(outcome.not_done)) == (False, 1)
    assert statuses(shop) == {"queued": 19, "sending": 27, "sent": 1}
    taken_back(action, shop, plan, outcome)
    shop.run(f"UPDATE email_sends SET send_status = 'sending' WHERE id = {first}")  # noqa: S608
    assert shop.run(ROWS) == before


def test_it_requeues_nothing_where_nothing_could_tell_that_it_went_out(shop: Shop) -> None:
    shop.mails(3, status="sending", claimed_at="now() - interval '2 hours'")
    with pytest.raises(Refused, match="can only be told by its provider's id or its events"):
        RequeueHeld().plan(shop.door("events", "sends.message_id"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("active = false", "is switched off"),
        ("next_run_at = now() + interval '2 days'", "runs next in 47 h"),
        ("next_run_at = NULL", "runs next never"),
        ("next_run_at = 'infinity'", "runs next never"),
        ("next_run_at = now() - interval '20 minutes'", "its run has been due for 20 min"),
    ],
)
def test_it_sees_a_sender_that_does_not_run(shop: Shop, change: str, says: str) -> None:
    assert check_sender_on.fn(shop.door()).verdict is Verdict.OK
    shop.run(f"UPDATE workflows SET {change} WHERE workflow_name = 'Sender'")  # noqa: S608
    found = check_sender_on.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert says in found.says


@pytest.mark.parametrize(
    "change", ["active = false", "next_run_at = 'infinity'", "next_run_at = NULL", "active = false, next_run_at = NULL"]
)
def test_it_has_exactly_the_sender_run(shop: Shop, change: str) -> None:
    shop.run(f"UPDATE workflows SET {change}")  # noqa: S608
    before = shop.run(WORKFLOWS)
    action = StartSender()
    plan = action.plan(shop.door())
    assert [command.target["key"] for command in plan.commands] == ["Sender"]
    assert plan.exceeds(action.plan(shop.door())) == frozenset()
    outcome = done(action, shop, plan)
    assert check_sender_on.fn(shop.door()).facts["on"] is True
    assert shop.run(WORKFLOWS)[:1] == before[:1]
    assert action.plan(shop.door()).commands == ()
    taken_back(action, shop, plan, outcome)
    assert shop.run(WORKFLOWS) == before


def test_it_starts_no_second_sender_beside_one_at_work(shop: Shop) -> None:
    shop.mails(4, status="sending", claimed_at="now()")
    shop.run("UPDATE workflows SET active = false")
    with pytest.raises(Refused, match="A sender took 4 mails within the last 15 min: it is at work"):
        StartSender().plan(shop.door())


def test_it_takes_the_wrong_mails_out_so_that_mail_can_be_resumed(shop: Shop) -> None:
    shop.enrol(50)
    shop.mails(50, status="queued")
    shop.mails(9, status="queued", lead_id="n + 500", ago="-3 days")
    shop.mails(2, status="queued", lead_id="n + 600")
    shop.run("UPDATE settings SET value = 'true', changed_at = now() WHERE setting = 'emergency_stop'")
    with pytest.raises(Refused):
        ResumeSending().plan(shop.door())
    action, before = WithdrawWrong(), shop.run(ROWS)
    plan = action.plan(shop.door())
    outcome = done(action, shop, plan)
    assert statuses(shop) == {"queued": 50, "cancelled": 11}
    assert len(ResumeSending().plan(shop.door()).commands) == 2
    taken_back(action, shop, plan, outcome)
    assert shop.run(ROWS) == before


def test_it_sends_slower_while_the_provider_holds_mail_back(shop: Shop) -> None:
    """3-28: by what the provider answers, not by guess."""
    shop.mails(25, status="failed", failure_reason="'HTTP 429 Too Many Requests'")
    assert check_held_back.fn(shop.door()).verdict is Verdict.BAD
    action = LowerSendRate()
    plan = action.plan(shop.door())
    outcome = done(action, shop, plan)
    assert shop.setting("max_emails_per_run")[0] == 25
    taken_back(action, shop, plan, outcome)
    assert shop.setting("max_emails_per_run")[0] == 50
    shop.run("UPDATE settings SET value = '1' WHERE setting = 'max_emails_per_run'")
    assert action.plan(shop.door()).commands == ()


def test_its_drill_is_noticed_and_the_sender_started(shop: Shop) -> None:
    shop.mails(300, ago="3 days")
    shop.events("open", 100)
    there = Environment(name="here", kind=Kind.LAB, systems={"application": shop.door()})
    before = [shop.run(ROWS), shop.run(WORKFLOWS)]
    with StickQueue(mails=40).during(there):
        assert {one.ask(there).verdict for one in (check_stuck_sends, check_sender_on)} == {Verdict.BAD}
        assert check_queue_went_out.ask(there).verdict is Verdict.OK
        done(StartSender(), shop, StartSender().plan(shop.door()))
    assert [shop.run(ROWS), shop.run(WORKFLOWS)] == before
