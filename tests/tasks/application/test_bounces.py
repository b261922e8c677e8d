"""Mails that came back: of which campaign, from which domain, and what was taken in."""

from __future__ import annotations

import pytest

from tasks.application.control.actions import StopSending
from tasks.application.reactions.bounces import (
    check_bounces_by_campaign,
    check_bounces_by_domain,
    check_captured_addresses,
    check_sender_blocked,
)
from tasks.application.reactions.queries import BY_CAMPAIGN, BY_DOMAIN
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop


def test_it_says_which_campaign_it_is(shop: Shop) -> None:
    shop.mails(960, ago="2 hours")
    shop.mails(40, ago="2 hours", status="bounced", bounce_type="'soft'")
    shop.mails(280, ago="2 hours", campaign_id="2")
    shop.mails(20, ago="2 hours", campaign_id="2", status="bounced", bounce_type="'hard'")
    found = check_bounces_by_campaign.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "1,300 mails of 2 running campaigns went out in the last 24 h; came back: 20 hard, 0 blocked, 40 soft. Too "
        "many in 1 campaign, most in Win back (2): of 300 mails came back 20 hard, 0 blocked, 0 soft (bad from 5.00%; "
        "below 200 mails from 5)."
    )
    assert found.rows == [{"campaign": "Win back (2)", "mails": 300, "hard": 20, "blocked": 0, "soft": 0}]


@pytest.mark.parametrize(
    ("sent", "came", "kind", "verdict"),
    [
        (981, 19, "hard", Verdict.OK),
        (980, 20, "hard", Verdict.WARN),
        (951, 49, "blocked", Verdict.WARN),
        (950, 50, "blocked", Verdict.BAD),
        (500, 500, "soft", Verdict.OK),
        (4, 1, "hard", Verdict.OK),
        (100, 4, "blocked", Verdict.WARN),
        (100, 5, "hard", Verdict.BAD),
        (0, 0, "hard", Verdict.OK),
    ],
)
def test_it_judges_each_kind_for_itself(shop: Shop, sent: int, came: int, kind: str, verdict: Verdict) -> None:
    """1-7: below 200 mails they are counted: one bounce is 20 % at five mails a day."""
    shop.mails(sent, ago="2 hours")
    shop.mails(came, ago="2 hours", status="bounced", bounce_type=f"'{kind}'")
    assert check_bounces_by_campaign.fn(shop.door()).verdict is verdict


def test_it_takes_for_answered_what_is_paused_or_marked(shop: Shop) -> None:
    shop.mails(20, ago="2 hours", status="bounced", bounce_type="'hard'")
    shop.mails(20, ago="2 hours", status="bounced", bounce_type="'blocked'", campaign_id="2")
    shop.run("UPDATE leads SET status = 'invalid' WHERE id <= 20; UPDATE campaigns SET status = 'paused' WHERE id = 2")
    found = check_bounces_by_campaign.fn(shop.door())
    assert (found.verdict, found.facts["hard"]) == (Verdict.OK, 0)
    assert check_bounces_by_campaign.fn(shop.door("leads.status")).verdict is Verdict.BAD


def test_it_does_without_kinds_that_are_not_kept(shop: Shop) -> None:
    shop.mails(5, status="bounced", bounce_type="'hard'")
    door = shop.door(sends={"bounces": {"hard": ["hard"]}})
    assert check_bounces_by_campaign.fn(door).facts == {"mails": 5, "campaigns": 1, "hard": 5}
    with pytest.raises(Refused, match=r"sends\.bounces\.hard"):
        check_bounces_by_campaign.fn(shop.door("sends.bounces"))


def test_it_notes_a_domain_that_refuses(own_shop: Shop) -> None:
    own_shop.run("UPDATE leads SET email = 'Lead' || id || '@Refuses.Example.com' WHERE id <= 100")
    own_shop.mails(1000, ago="2 hours")
    own_shop.run(
        "UPDATE email_sends SET send_status = 'bounced', bounce_type = 'blocked' WHERE lead_id <= 20 OR lead_id = 500"
    )
    found = check_bounces_by_domain.fn(own_shop.door())
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "Mails of the last 24 h came back from 2 domains; 1 domain refuses too many, most refuses.example.com: 20% of "
        "100 mails (noted from 10%)."
    )
    assert found.rows[0] == {"domain": "refuses.example.com", "mails": 100, "bounced": 20}
    own_shop.run("UPDATE leads SET email = 'x@few.example.com' WHERE id BETWEEN 11 AND 20")
    found = check_bounces_by_domain.fn(own_shop.door())
    assert "1 of them with fewer than 50 mails (too few to judge)" in found.says
    own_shop.run("UPDATE leads SET email = 'no address at all'")
    assert check_bounces_by_domain.fn(own_shop.door()).rows[0]["domain"] == "no domain"


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("lead@example.com", False),
        ("l.e+tag@mail.example.com", False),
        ("ünï@exämple.com", False),
        ("lead@example", True),
        ("lead example@example.com", True),
        ("lead@@example.com", True),
        ("lead@example.com.", True),
        ("@example.com", True),
        ("", True),
        ("a" * 250 + "@example.com", True),
    ],
)
def test_it_knows_what_is_no_address(shop: Shop, address: str, wrong: bool) -> None:
    shop.run(f"UPDATE leads SET email = '{address}', created_at = now() WHERE id <= 10")  # noqa: S608
    found = check_captured_addresses.fn(shop.door())
    assert found.facts == {"leads": 10, "malformed": 10 if wrong else 0, "bounced": 0}
    assert "(too few to judge: 200 are needed)" in found.says
    shop.run("UPDATE leads SET email = 'lead@example.com', created_at = now() - interval '90 days' WHERE id <= 10")


def test_it_notes_where_bounces_come_from(own_shop: Shop) -> None:
    own_shop.run("UPDATE leads SET created_at = now() - interval '3 days'")
    own_shop.mails(19, status="bounced", bounce_type="'hard'")
    assert check_captured_addresses.fn(own_shop.door()).verdict is Verdict.OK
    own_shop.mails(200, status="bounced", bounce_type="'hard'")
    found = check_captured_addresses.fn(own_shop.door())
    assert found.verdict is Verdict.WARN
    assert found.says == (
        "Of 1,000 addresses taken in within 30 days 0 have no address's form and 200 came back for good (noted from "
        "2.00%)."
    )


def test_it_reads_by_an_index(own_shop: Shop) -> None:
    """A day's mails, not all there are."""
    own_shop.run("SET synchronous_commit = off")
    own_shop.mails(30_000, actual_send_time="now() - n * interval '2 minutes'")
    own_shop.run("ANALYZE")
    span = {"since": own_shop.door().now(), "until": own_shop.door().now()}
    for query in (BY_CAMPAIGN, BY_DOMAIN):
        plan = own_shop.door().rows(f"EXPLAIN (FORMAT JSON) {query}", **span)
        assert "email_sends_actual_send_time_idx" in str(plan)


@pytest.mark.parametrize(
    ("sent", "blocked", "verdict"),
    [(981, 19, Verdict.OK), (980, 20, Verdict.WARN), (950, 50, Verdict.BAD), (50, 5, Verdict.BAD), (0, 0, Verdict.OK)],
)
def test_it_asks_of_all_campaigns_whether_the_sender_is_refused(
    shop: Shop, sent: int, blocked: int, verdict: Verdict
) -> None:
    shop.mails(sent, ago="2 hours")
    shop.mails(blocked, ago="2 hours", status="bounced", bounce_type="'blocked'", campaign_id="1 + n % 2")
    assert check_sender_blocked.fn(shop.door()).verdict is verdict


def test_it_takes_the_emergency_stop_for_an_answer(shop: Shop) -> None:
    shop.mails(20, ago="2 hours", status="bounced", bounce_type="'blocked'")
    assert check_sender_blocked.fn(shop.door()).verdict is Verdict.BAD
    action = StopSending()
    plan = action.plan(shop.door())
    assert action.apply(shop.door(), plan).complete
    found = check_sender_blocked.fn(shop.door())
    assert (found.verdict, "The emergency stop is on, set" in found.says) == (Verdict.OK, True)
    # Where nobody said what the stop is, it is no answer.
    assert check_sender_blocked.fn(shop.door("settings")).verdict is Verdict.BAD
    with pytest.raises(Refused, match=r"sends\.bounces\.blocked"):
        check_sender_blocked.fn(shop.door(sends={"bounces": {"hard": ["hard"]}}))
