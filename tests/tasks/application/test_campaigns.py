"""Exactly the campaigns that were shown are paused, and exactly those that ran are resumed."""

from __future__ import annotations

import pytest

from tasks.application.reactions.actions import PauseBouncingCampaigns
from tasks.application.reactions.bounces import check_bounces_by_campaign
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop


def statuses(shop: Shop) -> list[object]:
    return [row[0] for row in shop.run("SELECT status FROM campaigns ORDER BY id")]


@pytest.fixture
def sick(shop: Shop) -> Shop:
    """The second campaign's mails are refused, the first one's are not."""
    shop.mails(1000, ago="2 hours")
    shop.mails(380, ago="2 hours", campaign_id="2")
    shop.mails(20, ago="2 hours", campaign_id="2", status="bounced", bounce_type="'blocked'")
    shop.mails(4, campaign_id="2", status="queued")
    return shop


def test_it_pauses_the_one_that_was_shown(sick: Shop) -> None:
    action = PauseBouncingCampaigns()
    plan = action.plan(sick.door())
    assert plan.does == (
        "Pause 1 campaign: Win back (2). 4 mails wait in their queue: they stay there as long as the sender heeds the "
        "pause."
    )
    assert str(plan.blast_radius).endswith("campaigns")
    assert plan.evidence == [{"campaign": "Win back (2)", "why": "of 400 mails came back 0 hard, 20 blocked, 0 soft"}]
    assert action.applied(sick.door(), plan) is False
    assert action.apply(sick.door(), plan).complete
    assert statuses(sick) == ["active", "paused"]
    assert action.applied(sick.door(), plan) is True
    assert check_bounces_by_campaign.fn(sick.door()).verdict is Verdict.OK
    assert action.plan(sick.door()).commands == ()


def test_it_resumes_exactly_those_that_ran(sick: Shop) -> None:
    action = PauseBouncingCampaigns()
    # One that was paused before is nobody's to resume.
    sick.run("INSERT INTO campaigns VALUES (3, 'Old', 'paused')")
    try:
        plan = action.plan(sick.door())
        outcome = action.apply(sick.door(), plan)
        back = action.undoing(plan, outcome)
        assert back is not None
        assert back.apply(sick.door(), back.plan(sick.door())).complete
        assert statuses(sick) == ["active", "active", "paused"]
        # And one that somebody finished meanwhile stays finished.
        again = action.apply(sick.door(), action.plan(sick.door()))
        sick.run("UPDATE campaigns SET status = 'finished' WHERE id = 2")
        back = action.undoing(plan, again)
        assert back is not None
        assert back.plan(sick.door()).commands == ()
    finally:
        sick.run("DELETE FROM campaigns WHERE id = 3")


def test_it_leaves_one_alone_that_was_drafted_meanwhile(sick: Shop) -> None:
    action = PauseBouncingCampaigns()
    plan = action.plan(sick.door())
    sick.run("UPDATE campaigns SET status = 'draft' WHERE id = 2")
    outcome = action.apply(sick.door(), plan)
    assert (outcome.complete, statuses(sick)) == (False, ["active", "draft"])
    assert action.undoing(plan, outcome) is None


def test_it_has_nothing_to_do_where_nothing_is_bad(shop: Shop) -> None:
    plan = PauseBouncingCampaigns().plan(shop.door())
    assert (plan.commands, plan.does) == ((), "Nothing to pause: no campaign that runs calls for it.")


def test_it_says_which_line_is_missing(sick: Shop) -> None:
    with pytest.raises(Refused, match=r"campaigns\.statuses\.paused"):
        PauseBouncingCampaigns().plan(sick.door(campaigns={"statuses": {"running": ["active"]}}))


def test_it_pauses_nothing_of_a_name_that_is_hostile(own_shop: Shop) -> None:
    name = "x'; DROP TABLE leads; --\n"
    own_shop.run(f"UPDATE campaigns SET campaign_name = $n${name}$n$ WHERE id = 2")  # noqa: S608
    own_shop.mails(5, campaign_id="2", status="bounced", bounce_type="'hard'")
    action = PauseBouncingCampaigns()
    plan = action.plan(own_shop.door())
    assert "DROP" not in plan.commands[0].line
    assert action.apply(own_shop.door(), plan).complete
    assert statuses(own_shop) == ["active", "paused"]
