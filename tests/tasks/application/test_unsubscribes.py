"""Readers who leave: of which campaign, why, and mailed how often."""

from __future__ import annotations

import pytest

from tasks.application.reactions.actions import PauseUnsubscribedCampaigns
from tasks.application.reactions.unsubscribes import (
    check_mail_frequency,
    check_unsubscribe_reasons,
    check_unsubscribes_by_campaign,
)
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop


def leave(shop: Shop, campaign: int, readers: int, kind: str = "unsubscribe", detail: str = "NULL") -> None:
    """So many readers of the campaign's mails, one event each."""
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash, detail) "  # noqa: S608
        f"SELECT id, '{kind}', now(), '{kind}' || id || random(), {detail} FROM email_sends "
        f"WHERE campaign_id = {campaign} ORDER BY id LIMIT {readers}"
    )


def test_only_the_campaign_that_readers_leave_is_paused(shop: Shop) -> None:
    shop.mails(10_000, ago="30 hours")
    shop.mails(500, ago="30 hours", campaign_id="2")
    leave(shop, 1, 20)
    leave(shop, 2, 6)
    leave(shop, 2, 4, kind="group_unsubscribe")
    found = check_unsubscribes_by_campaign.fn(shop.door())
    # Six of the ten left twice, from this list and from all: one reader each.
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "Readers of 2 running campaigns left within 72 h; too many of 1 campaign, the worst Win back (2): 1.20% of 500 "
        "mails (bad from 1.00%)."
    )
    action = PauseUnsubscribedCampaigns()
    plan = action.plan(shop.door())
    assert [command.target["key"] for command in plan.commands] == ["2"]
    outcome = action.apply(shop.door(), plan)
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("paused",)]
    assert check_unsubscribes_by_campaign.fn(shop.door()).verdict is Verdict.OK
    # Who left stays unsubscribed.
    assert shop.run("SELECT count(*) FROM email_events") == [(30,)]
    back = action.undoing(plan, outcome)
    assert back is not None
    assert back.apply(shop.door(), back.plan(shop.door())).complete
    assert shop.run("SELECT status FROM campaigns ORDER BY id") == [("active",), ("active",)]


@pytest.mark.parametrize(
    ("mails", "left", "verdict"),
    [
        (0, 0, Verdict.OK),
        (199, 3, Verdict.OK),
        (199, 20, Verdict.WARN),
        (1000, 4, Verdict.OK),
        (1000, 5, Verdict.WARN),
        (1000, 9, Verdict.WARN),
        (1000, 10, Verdict.BAD),
    ],
)
def test_it_judges_a_campaign_from_a_minimum_up(shop: Shop, mails: int, left: int, verdict: Verdict) -> None:
    """3-16: no sends that day: division by zero; 20 sends and 60 who left others': 300 %."""
    shop.mails(mails, ago="30 hours")
    leave(shop, 1, left)
    shop.mails(300, ago="5 days", campaign_id="2")
    leave(shop, 2, 60)
    found = check_unsubscribes_by_campaign.fn(shop.door())
    assert found.verdict is verdict
    assert ("1 with fewer than 200 mails: too few to judge" in found.says) is (0 < mails < 200)


def test_it_tells_reasons_that_two_gave(shop: Shop) -> None:
    shop.mails(100)
    leave(shop, 1, 5, detail="' Too many mails'")
    leave(shop, 1, 3, detail="'too MANY mails ' || repeat(' ', 80) || 'jane@example.com'")
    leave(shop, 1, 1, detail="'I am Jane Doe of Acme'")
    leave(shop, 1, 2)
    # Two readers of one mailbox.
    leave(shop, 1, 2, detail="'stop mailing jane@example.com'")
    found = check_unsubscribe_reasons.fn(shop.door())
    assert found.says == (
        "5 readers left within 7 days; the most frequent reasons: 'too many mails' 5, 'none given' 2, 'stop mailing "
        "j…@example.com' 2."
    )
    assert "jane" not in str(found).lower()
    with pytest.raises(Refused, match=r"events\.detail"):
        check_unsubscribe_reasons.fn(shop.door("events.detail"))


def test_it_counts_mails_of_all_campaigns(shop: Shop) -> None:
    for campaign in (1, 2):
        shop.mails(900, ago="2 days", campaign_id=str(campaign), lead_id="1 + n / 3")
    found = check_mail_frequency.fn(shop.door())
    assert (found.verdict, found.facts["most"]) == (Verdict.WARN, 6)
    assert found.says == (
        "More than 5 mails within 7 days got 99% of 301 leads; the most that one got is 6 (noted from 5.00%)."
    )
    shop.run("UPDATE email_sends SET lead_id = id")
    assert check_mail_frequency.fn(shop.door()).verdict is Verdict.OK
    shop.run("TRUNCATE email_sends")
    assert "none of no leads (nothing to judge)" in check_mail_frequency.fn(shop.door()).says
