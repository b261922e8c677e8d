"""What becomes of mails that went out: whose mails are above and below the line, and from how many a rate is judged."""

from __future__ import annotations

import psycopg
import pytest

from tasks.application.days import settled
from tasks.application.reactions.checks import (
    check_bounces_by_kind,
    check_clicks,
    check_complaints,
    check_opens,
    check_unsubscribes,
)
from tasks.application.reactions.queries import BOUNCES, COMPLAINTS, UNSUBSCRIBES, USUAL_CLICKS, USUAL_OPENS
from tasks.model import Refused, Verdict
from tests.tasks.application.conftest import Shop

# In the middle of the day whose mails are judged, in UTC.
SETTLED = "(date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '60 hours')"


def test_it_judges_each_kind_of_bounce_apart(shop: Shop) -> None:
    """3-15: yesterday 0.90 % in all, 0.55 % hard; `blocked` says nothing about the address."""
    shop.mails(9910, ago="2 hours")
    shop.mails(55, ago="2 hours", status="bounced", bounce_type="'hard'")
    shop.mails(25, ago="2 hours", status="bounced", bounce_type="'soft'")
    shop.mails(10, ago="2 hours", status="bounced", bounce_type="'blocked'")
    found = check_bounces_by_kind.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.says == (
        "10,000 mails went out in the last 24 h; came back: hard 0.55%, blocked 0.10%, soft 0.25% (bad from 5.00% "
        "hard)."
    )
    assert found.facts == {"mails": 10_000, "hard": 55, "blocked": 10, "soft": 25}


@pytest.mark.parametrize(
    ("sent", "hard", "verdict"),
    [
        (982, 18, Verdict.OK),
        (980, 20, Verdict.WARN),
        (950, 50, Verdict.BAD),
        (4, 1, Verdict.OK),
        (38, 2, Verdict.WARN),
        (190, 4, Verdict.WARN),
        (190, 5, Verdict.BAD),
        (196, 4, Verdict.WARN),
        (0, 0, Verdict.OK),
    ],
)
def test_it_counts_bounces_below_two_hundred_mails(shop: Shop, sent: int, hard: int, verdict: Verdict) -> None:
    """1-7: one bounce is 20 % at five mails a day."""
    shop.mails(sent, ago="2 hours")
    shop.mails(hard, ago="2 hours", status="bounced", bounce_type="'hard'")
    assert check_bounces_by_kind.fn(shop.door()).verdict is verdict


def test_it_divides_bounces_by_the_mails_of_the_same_time(shop: Shop) -> None:
    """1-15: bounces of the last day by `sent_today`, which is 0 in the morning."""
    shop.mails(6, ago="30 hours", status="bounced", bounce_type="'hard'")
    shop.mails(20, ago="1 hour")
    found = check_bounces_by_kind.fn(shop.door())
    assert (found.verdict, found.facts["hard"], found.facts["mails"]) == (Verdict.OK, 0, 20)


def test_it_lets_no_good_rate_outweigh_a_bad_one(shop: Shop) -> None:
    """1-6: in a sum, 51 % bounces were needed; each of them alone is enough."""
    shop.mails(900, ago="2 hours")
    shop.mails(100, ago="2 hours", status="bounced", bounce_type="'blocked'")
    assert check_bounces_by_kind.fn(shop.door()).verdict is Verdict.BAD


@pytest.mark.parametrize(
    ("mails", "complaints", "verdict"),
    [
        (10_000, 7, Verdict.OK),
        (10_000, 8, Verdict.WARN),
        (10_000, 30, Verdict.BAD),
        (999, 0, Verdict.OK),
        (999, 1, Verdict.WARN),
        (999, 3, Verdict.BAD),
        (1000, 1, Verdict.WARN),
        (2000, 1, Verdict.OK),
    ],
)
def test_it_looks_at_complaints(shop: Shop, mails: int, complaints: int, verdict: Verdict) -> None:
    """3-12: the rate that gets senders blocked first was in no statement."""
    shop.mails(mails, ago="3 days")
    shop.events("spamreport", complaints)
    shop.mails(500, ago="8 days")
    found = check_complaints.fn(shop.door())
    assert found.verdict is verdict
    assert found.facts == {"mails": mails, "complaints": complaints}


def test_it_says_how_many_complained(shop: Shop) -> None:
    assert check_complaints.fn(shop.door()).says == (
        "No complaint about 0 mails of the last 7 days (bad from 3 on so few)."
    )
    shop.mails(1250, ago="3 days")
    shop.events("spamreport", 1)
    assert check_complaints.fn(shop.door()).says == (
        "1 complaint about 1,250 mails of the last 7 days (0.08%, bad from 0.30%)."
    )


def test_it_measures_readers_who_leave_by_the_mails_they_got(shop: Shop) -> None:
    """3-16: 20 sends on Sunday and 60 unsubscribes from Friday's 10,000 were 300 %."""
    shop.mails(10_000, actual_send_time=SETTLED)
    shop.events("unsubscribe", 30, ago="2 hours")
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "
        "SELECT id, 'group_unsubscribe', now(), 'g' || id FROM email_sends ORDER BY id DESC LIMIT 30"
    )
    shop.mails(20, ago="1 hour")
    # Those of another day's mails are that day's.
    shop.mails(2000, ago="30 hours")
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "
        "SELECT id, 'unsubscribe', now(), 'other' || id FROM email_sends ORDER BY id DESC LIMIT 500"
    )
    found = check_unsubscribes.fn(shop.door())
    day = settled(shop.door().now(), "UTC").date
    assert found.verdict is Verdict.WARN
    assert found.says == f"Of the mails of {day} unsubscribed: 0.60% of 10,000 mails (bad from 1.00%)."


@pytest.mark.parametrize(
    ("mails", "left", "verdict"),
    [
        (0, 0, Verdict.OK),
        (199, 2, Verdict.OK),
        (199, 20, Verdict.WARN),
        (1000, 4, Verdict.OK),
        (1000, 5, Verdict.WARN),
        (1000, 10, Verdict.BAD),
    ],
)
def test_it_judges_readers_who_leave_from_a_minimum_up(shop: Shop, mails: int, left: int, verdict: Verdict) -> None:
    shop.mails(mails, actual_send_time=SETTLED)
    shop.events("unsubscribe", left, ago="2 hours")
    shop.events("unsubscribe", 0)
    assert check_unsubscribes.fn(shop.door()).verdict is verdict


def test_it_counts_a_reader_who_leaves_twice_once(shop: Shop) -> None:
    shop.mails(1000, actual_send_time=SETTLED)
    shop.events("unsubscribe", 4, ago="2 hours")
    shop.events("group_unsubscribe", 4, ago="2 hours")
    assert check_unsubscribes.fn(shop.door()).facts["unsubscribed"] == 4


def weeks(shop: Shop, campaign: int, mails: int, opened: int, last: int, kind: str = "open") -> None:
    """Four weeks of so many mails a day, of which `opened` are opened, and of the last day's `last`."""
    shop.run(
        "WITH sent AS (INSERT INTO email_sends (send_status, campaign_id, lead_id, actual_send_time) "  # noqa: S608
        f"SELECT 'sent', {campaign}, n, {SETTLED} - d * interval '1 day' "
        f"FROM generate_series(0, 28) d, generate_series(1, {mails}) n RETURNING id, lead_id, actual_send_time) "
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "
        f"SELECT id, '{kind}', actual_send_time + interval '1 hour', 'o' || id FROM sent WHERE lead_id <= "
        f"CASE actual_send_time WHEN {SETTLED} THEN {last} ELSE {opened} END"
    )


def test_it_compares_a_campaign_with_its_own_past(shop: Shop) -> None:
    """3-17: rates, missing or of another unit, alarmed for all campaigns or for none."""
    weeks(shop, 1, 300, 60, 30)  # 20 % usually: below an alert of 20 %, and nothing new; now half of it
    weeks(shop, 2, 300, 150, 140)
    found = check_opens.fn(shop.door())
    day = settled(shop.door().now(), "UTC").date
    assert found.verdict is Verdict.WARN
    assert found.says == (
        f"1 of 2 campaigns opened far less than usual on {day}, the worst Welcome (1): 10%, usually 20% (noted from "
        "60% of that down)."
    )
    shop.run("UPDATE campaigns SET status = 'paused' WHERE id = 1")
    assert check_opens.fn(shop.door()).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("mails", "last", "verdict"), [(200, 25, Verdict.OK), (200, 24, Verdict.WARN), (199, 0, Verdict.OK)]
)
def test_it_notes_a_campaign_of_enough_mails_only(shop: Shop, mails: int, last: int, verdict: Verdict) -> None:
    weeks(shop, 1, mails, 40, last)
    found = check_opens.fn(shop.door())
    assert found.verdict is verdict
    if mails < 200:
        assert "No campaign with enough mails" in found.says
        assert "(nothing to judge)" in found.says


def test_it_counts_a_mail_that_is_opened_again_once(shop: Shop) -> None:
    """3-20: the same unit above and below the line: mails."""
    weeks(shop, 1, 200, 100, 50)
    shop.run(
        "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "
        "SELECT email_send_id, 'open', event_timestamp + interval '1 hour', 'again' || id FROM email_events"
    )
    found = check_opens.fn(shop.door())
    assert found.value == 0.5
    assert found.verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("mails", "last", "verdict"),
    [
        (200, 6, Verdict.OK),  # 60 % of ten, and an accident
        (200, 1, Verdict.WARN),
        (1000, 25, Verdict.OK),
        (1000, 20, Verdict.WARN),
        (1000, 50, Verdict.OK),
    ],
)
def test_it_notes_clicks_where_so_few_are_no_accident(shop: Shop, mails: int, last: int, verdict: Verdict) -> None:
    weeks(shop, 1, mails, mails // 20, last, kind="click")
    found = check_clicks.fn(shop.door())
    assert found.verdict is verdict
    if verdict:
        assert "1 of 1 campaign clicked far less than usual" in found.says


def test_it_asks_which_events_are_meant(shop: Shop) -> None:
    with pytest.raises(Refused, match=r"events\.types\.complaint"):
        check_complaints.fn(shop.door(events={"types": {"open": ["open"]}}))


def test_it_reads_a_cohort_by_an_index(own_shop: Shop) -> None:
    own_shop.mails(100_000, actual_send_time="now() - n * interval '78 seconds'", updated_at="now()")
    own_shop.events("open", 60_000, ago="40 days")
    own_shop.events("unsubscribe", 300, ago="2 days")
    own_shop.events("spamreport", 30, ago="2 days")
    own_shop.run("VACUUM ANALYZE email_sends, email_events")
    now = own_shop.door().now()
    day = settled(now, "UTC")
    span = {"since": day.since, "until": day.until}
    for query in (BOUNCES, COMPLAINTS, UNSUBSCRIBES, USUAL_OPENS, USUAL_CLICKS):
        given = {**span, "day": day.date, "time_zone": "UTC", "least": 200}
        with psycopg.connect(own_shop.stage.url("reader").get_secret_value()) as session:
            plan = session.execute(f"EXPLAIN {own_shop.door().filled(query)}".encode(), given).fetchall()
        assert not [line for (line,) in plan if "Seq Scan on email_" in line], plan
