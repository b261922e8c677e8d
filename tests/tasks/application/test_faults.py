"""What a drill breaks is noticed by the question it is for, and put back exactly."""

from __future__ import annotations

import pytest

from tasks.action import Action
from tasks.application.content.actions import WithdrawIncompleteLeads
from tasks.application.content.checks import check_incomplete_leads
from tasks.application.content.faults import ForgetNames
from tasks.application.faults import FailWorkflow, StickQueue, UnsubscribeWave
from tasks.application.leads import EndEnrolmentsOfRefused, MarkAddressesInvalid
from tasks.application.reactions.actions import PauseBouncingCampaigns, PauseUnreadCampaigns, PauseUnsubscribedCampaigns
from tasks.application.reactions.bounces import check_bounced_leads, check_bounces_by_campaign, check_refused_leads
from tasks.application.reactions.checks import check_unsubscribes
from tasks.application.reactions.engagement import check_low_engagement
from tasks.application.reactions.faults import BounceBlocked, BounceHard, BounceSoft, LeaveOneCampaign, LoseInterest
from tasks.application.reactions.unsubscribes import check_unsubscribes_by_campaign
from tasks.application.rows.duplicates import check_duplicate_events
from tasks.application.rows.faults import RepeatEvents
from tasks.application.sending.checks import check_send_failures, check_sent_yesterday, check_stuck_sends
from tasks.application.workflows.checks import check_expected_workflows, check_workflow_errors
from tasks.environment import Environment, Kind
from tasks.fault import Fault, RefusesProduction
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop

TABLES = ("email_sends", "email_events", "workflow_executions", "leads", "enrollments", "campaigns")
FAULTS = (
    (StickQueue(), (check_stuck_sends, check_sent_yesterday)),
    (FailWorkflow(), (check_expected_workflows, check_workflow_errors)),
    (UnsubscribeWave(), (check_unsubscribes,)),
    (BounceHard(), (check_bounced_leads, check_bounces_by_campaign)),
    (BounceSoft(), (check_refused_leads,)),
    (BounceBlocked(), (check_bounces_by_campaign,)),
    (LeaveOneCampaign(), (check_unsubscribes_by_campaign,)),
    (LoseInterest(), (check_low_engagement,)),
    (RepeatEvents(), (check_duplicate_events,)),
    (ForgetNames(), (check_incomplete_leads,)),
)
# With the steps that the drills approve.
RESOLVED = (
    (BounceHard(), MarkAddressesInvalid()),
    (BounceSoft(), EndEnrolmentsOfRefused()),
    (BounceBlocked(), PauseBouncingCampaigns()),
    (LeaveOneCampaign(), PauseUnsubscribedCampaigns()),
    (LoseInterest(), PauseUnreadCampaigns()),
    (ForgetNames(), WithdrawIncompleteLeads()),
)


def place(shop: Shop, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name="here", kind=kind, systems={"application": shop.door()})


def rows(shop: Shop) -> list[list[tuple[object, ...]]]:
    return [shop.run(f"SELECT * FROM {table} ORDER BY id") for table in TABLES]  # noqa: S608


@pytest.fixture
def healthy(shop: Shop) -> Shop:
    """A week in which nothing went wrong, with microseconds that must not be lost."""
    shop.mails(7000, actual_send_time="now() - n * interval '86.400007 seconds'", lead_id="1 + n % 1000")
    shop.run(
        "INSERT INTO enrollments (lead_id, campaign_id, status, next_send_at) "
        "SELECT n, 1, 'active', now() + interval '1 day' FROM generate_series(1, 1000) n"
    )
    shop.events("open", 7000)
    # The newest nobody has opened yet.
    shop.run("DELETE FROM email_events WHERE email_send_id < (SELECT min(id) + 200 FROM email_sends)")
    shop.run(
        "INSERT INTO workflow_executions (workflow_name, status, created_at) "
        "SELECT name, 'success', now() - n * interval '2 minutes' "
        "FROM unnest(ARRAY['Scheduler', 'Sender']) name, generate_series(0, 700) n"
    )
    return shop


@pytest.mark.parametrize(("fault", "noticed"), FAULTS, ids=lambda one: type(one).__name__)
def test_it_is_noticed_and_put_back(healthy: Shop, fault: Fault, noticed: tuple[object, ...]) -> None:
    there, before = place(healthy), rows(healthy)
    assert {one.ask(there).verdict for one in noticed} == {Verdict.OK}  # type: ignore[attr-defined]
    with fault.during(there):
        assert {one.ask(there).verdict for one in noticed} == {Verdict.BAD}  # type: ignore[attr-defined]
        assert rows(healthy) != before
    assert rows(healthy) == before


@pytest.mark.parametrize(("fault", "action"), RESOLVED, ids=lambda one: type(one).__name__)
def test_its_step_leaves_nothing_behind_either(healthy: Shop, fault: Fault, action: Action) -> None:
    """Or each drill would leave fewer campaigns and leads for the next one."""
    there, before = place(healthy), rows(healthy)
    noticed = [one for broken, asked in FAULTS if type(broken) is type(fault) for one in asked]
    with fault.during(there):
        assert action.apply(healthy.door(), action.plan(healthy.door())).complete
        assert {one.ask(there).verdict for one in noticed} == {Verdict.OK}
    assert rows(healthy) == before


def test_it_is_put_back_although_somebody_mended_it(healthy: Shop) -> None:
    before = rows(healthy)
    with StickQueue(mails=20).during(place(healthy)):
        healthy.run("UPDATE email_sends SET send_status = 'sent', actual_send_time = now() WHERE id % 2 = 0")
    # What nobody broke is as it was left, the rest as it had been.
    (sends, *_), (now, *_) = before, rows(healthy)
    assert now[:20] == sends[:20]
    assert {row[3] for row in now} == {"sent"}


@pytest.mark.parametrize("fault", [fault for fault, _ in FAULTS], ids=lambda one: type(one).__name__)
def test_it_refuses_production_and_an_empty_shop(shop: Shop, fault: Fault) -> None:
    with pytest.raises(RefusesProduction), fault.during(place(shop, Kind.PRODUCTION)):
        pass
    with pytest.raises(Refused, match="for this fault"), fault.during(place(shop)):
        pass


def test_it_says_what_it_needs(shop: Shop) -> None:
    with pytest.raises(Refused, match="No workflow is expected"):
        FailWorkflow().cause(shop.door("executions.expected"))
    with pytest.raises(Refused, match=r"sends\.statuses\.queued"):
        StickQueue().cause(shop.door(sends={"statuses": {"failed": ["failed"]}}))


def test_the_rest_stays_healthy(healthy: Shop) -> None:
    with UnsubscribeWave().during(place(healthy)):
        assert check_send_failures.ask(place(healthy)).verdict is Verdict.OK
