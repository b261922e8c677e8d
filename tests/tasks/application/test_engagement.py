"""Campaigns that nobody reads: both rates low, of enough mails, whatever the daily figures say."""

from __future__ import annotations

import pytest

from tasks.application.reactions.actions import PauseUnreadCampaigns
from tasks.application.reactions.engagement import check_low_engagement
from tasks.model import Verdict
from tests.tasks.application.conftest import Shop


def react(shop: Shop, campaign: int, kind: str, amount: int, times: int = 1) -> None:
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "  # noqa: S608
        f"SELECT id, '{kind}', now() - interval '3 days', '{kind}' || id || t FROM (SELECT id FROM email_sends "
        f"WHERE campaign_id = {campaign} ORDER BY id LIMIT {amount}) s, generate_series(1, {times}) t"
    )


@pytest.mark.parametrize(
    ("mails", "opened", "clicked", "verdict"),
    [
        (1000, 300, 31, Verdict.OK),
        (1000, 200, 21, Verdict.WARN),
        (1000, 201, 20, Verdict.WARN),
        (1000, 100, 31, Verdict.OK),
        (1000, 301, 0, Verdict.OK),
        (1000, 200, 20, Verdict.BAD),
        (1000, 0, 0, Verdict.BAD),
        (200, 0, 0, Verdict.BAD),
        (199, 0, 0, Verdict.OK),
        (1, 0, 0, Verdict.OK),
        (0, 0, 0, Verdict.OK),
    ],
)
def test_it_takes_both_to_be_bad(shop: Shop, mails: int, opened: int, clicked: int, verdict: Verdict) -> None:
    """3-17: a campaign with one mail alarmed; without a row of daily figures none did."""
    shop.mails(mails, ago="3 days")
    react(shop, 1, "open", opened)
    react(shop, 1, "click", clicked)
    assert check_low_engagement.fn(shop.door("analytics")).verdict is verdict


def test_it_says_which_one_and_pauses_it_alone(shop: Shop) -> None:
    shop.mails(1000, ago="4 days")
    shop.mails(400, ago="4 days", campaign_id="2")
    react(shop, 1, "open", 310)
    react(shop, 1, "click", 31)
    # Who opens a mail five times is one who opened it.
    react(shop, 2, "open", 40, times=5)
    # Too new to be judged.
    shop.mails(5000, ago="1 hour")
    found = check_low_engagement.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "Of 2 running campaigns 1 is below 20% opened and 2.00% clicked, 0 near it; the lowest Win back (2): "
        "of 400 mails 10% were opened and 0% clicked."
    )
    action = PauseUnreadCampaigns()
    plan = action.plan(shop.door())
    assert [command.target["key"] for command in plan.commands] == ["2"]
    outcome = action.apply(shop.door(), plan)
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("paused",)]
    found = check_low_engagement.fn(shop.door())
    assert (found.verdict, found.says) == (
        Verdict.OK,
        "Of 1 running campaign 0 are below 20% opened and 2.00% clicked.",
    )
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("active",)]


def test_it_says_how_many_are_too_few(shop: Shop) -> None:
    shop.mails(50, ago="3 days")
    assert check_low_engagement.fn(shop.door()).says == (
        "Of 1 running campaign (1 with fewer than 200 mails: too few to judge) 0 are below 20% opened and 2.00% "
        "clicked."
    )
