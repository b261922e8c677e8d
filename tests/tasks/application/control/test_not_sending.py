"""Why nothing goes out: each cause noticed by its question, mended by its step, and put back."""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.control.actions import ResumeSending
from tasks.application.control.checks import check_emergency_stop
from tasks.application.control.eligible import ResumeCampaigns, check_eligible_leads, check_sent_today
from tasks.application.control.faults import ForgetSender, LeaveStopOn, PauseAllCampaigns
from tasks.application.control.sender import StartSender, check_sender_on
from tasks.check import Check
from tasks.environment import Environment, Kind
from tasks.fault import Fault
from tasks.model import Verdict
from tests.tasks.application.conftest import Shop

TABLES = (
    "SELECT * FROM settings ORDER BY setting",
    "SELECT * FROM campaigns ORDER BY id",
    "SELECT * FROM workflows ORDER BY 1",
)


@pytest.mark.parametrize(
    ("fault", "noticed", "action"),
    [
        (LeaveStopOn(), check_emergency_stop, ResumeSending()),
        (PauseAllCampaigns(), check_eligible_leads, ResumeCampaigns()),
        (ForgetSender(), check_sender_on, StartSender()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_each_cause_is_noticed_mended_and_put_back(
    shop: Shop, fault: Fault, noticed: Check[...], action: Action
) -> None:
    shop.enrol(30)
    there = Environment(name="here", kind=Kind.LAB, systems={"application": shop.door()})
    before = [shop.run(table) for table in TABLES]
    assert noticed.ask(there).verdict is Verdict.OK
    with fault.during(there):
        assert noticed.ask(there).verdict is Verdict.BAD
        action.apply(shop.door(), plan=action.plan(shop.door()))
        # What the application's scheduler does with a workflow that is due.
        shop.run("UPDATE workflows SET next_run_at = now() WHERE next_run_at < now() - interval '5 minutes'")
        assert noticed.ask(there).verdict is Verdict.OK
    assert [shop.run(table) for table in TABLES] == before


def test_it_resumes_campaigns_only_where_none_runs(shop: Shop) -> None:
    shop.enrol(30, campaign=2)
    shop.run("UPDATE campaigns SET status = 'paused' WHERE id = 2")
    assert ResumeCampaigns().plan(shop.door()).commands == ()
    shop.run("UPDATE campaigns SET status = 'paused'")
    plan = ResumeCampaigns().plan(shop.door())
    # The other one has nobody to write to.
    assert [command.target["key"] for command in plan.commands] == ["2"]
    assert "for 30 enrolments" in plan.does


def test_none_sent_today_is_bad_only_where_mails_are_due(shop: Shop) -> None:
    assert check_sent_today.fn(shop.door()).verdict is Verdict.OK
    shop.mails(5, status="queued", ago="1 hour")
    assert check_sent_today.fn(shop.door()).verdict is Verdict.BAD
    shop.mails(1, ago="0 seconds")
    assert check_sent_today.fn(shop.door()).verdict is Verdict.OK
