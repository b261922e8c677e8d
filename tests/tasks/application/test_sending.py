"""Mails on their way out: what is judged, by which time, and what is no news."""

from __future__ import annotations

import psycopg
import pytest

from tasks.application.days import day_before
from tasks.application.sending.checks import (
    check_send_failures,
    check_sender_pace,
    check_sent_yesterday,
    check_stuck_sends,
)
from tasks.application.sending.queries import ATTEMPTS, DUE, FAILURES, MINUTES, RATE_LIMITED
from tasks.model import Finding, Verdict
from tests.tasks.application.conftest import Shop

# In the middle of yesterday, whenever this runs.
YESTERDAY = "(date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '12 hours')"


def yesterday(shop: Shop, sent: int, failed: int = 0, late_s: int = 20) -> None:
    due = f"{YESTERDAY} - interval '{late_s} seconds'"
    shop.mails(sent, actual_send_time=YESTERDAY, scheduled_send_time=due)
    if failed:
        shop.mails(failed, status="failed", updated_at=YESTERDAY, failure_reason="'timed out'")


def test_it_tells_yesterday(shop: Shop) -> None:
    yesterday(shop, 990, failed=9)
    shop.mails(500, status="failed", ago="1 minute")  # today's
    found = check_sent_yesterday.fn(shop.door())
    day = day_before(shop.door().now(), "UTC").date
    assert found.says == (
        f"On {day} 990 mails went out, 20 s late on average (bad from 5 min). Failed: 0.90% of 999 attempts (bad from "
        "5.00%). No mail is due."
    )
    assert found.verdict is Verdict.OK
    assert found.rows == [{"error": "timed out", "mails": 9}]


@pytest.mark.parametrize(
    ("sent", "failed", "late_s", "verdict"),
    [
        (99, 1, 20, Verdict.WARN),
        (95, 5, 20, Verdict.BAD),
        (1000, 0, 59, Verdict.OK),
        (1000, 0, 60, Verdict.WARN),
        (1000, 0, 300, Verdict.BAD),
        (20, 1, 20, Verdict.OK),
    ],
)
def test_it_judges_failures_of_attempts_and_the_delay(
    shop: Shop, sent: int, failed: int, late_s: int, verdict: Verdict
) -> None:
    yesterday(shop, sent, failed, late_s)
    assert check_sent_yesterday.fn(shop.door()).verdict is verdict


def test_it_sees_a_stuck_queue_that_no_rate_shows(shop: Shop) -> None:
    """3-21: 100 sent, 5,000 stuck: failed 0, delay 30 s, all green; half of the attempts failed: 0.98 %, green."""
    yesterday(shop, 100)
    shop.mails(5000, status="queued", ago="3 hours")
    found = check_sent_yesterday.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says.endswith("5,000 mails are due, the oldest for 3 h (bad from 15 min).")

    shop.run("TRUNCATE email_sends")
    yesterday(shop, 50, failed=50)
    shop.mails(5000, status="queued", ago="1 minute")
    found = check_sent_yesterday.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert "50% of 100 attempts" in found.says


def test_it_says_that_nothing_was_sent_and_nothing_was_due(shop: Shop) -> None:
    found = check_sent_yesterday.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert "no mail went out. Failed: none of no attempts (nothing to judge)" in found.says


def test_it_means_the_environments_yesterday(shop: Shop) -> None:
    """3-25: the same question is about other mails in Tokyo and in Los Angeles."""
    shop.mails(72, scheduled_send_time="NULL", actual_send_time="date_trunc('hour', now()) - n * interval '1 hour'")
    days = {zone: day_before(shop.door().now(), zone) for zone in ("UTC", "Asia/Tokyo", "America/Los_Angeles")}
    for zone, day in days.items():
        found = check_sent_yesterday.fn(shop.door(), time_zone=zone)
        assert found.facts["day"] == str(day.date)
        (expected,) = shop.run(
            f"SELECT count(*) FROM email_sends WHERE actual_send_time >= '{day.since}' "  # noqa: S608
            f"AND actual_send_time < '{day.until}'"
        )
        assert found.facts["went_out"] == expected[0]


def test_it_counts_failures_by_when_they_failed(shop: Shop) -> None:
    """3-7: 500 older mails that fail right now were 0.00 % by the time they were created."""
    shop.mails(500, status="failed", created_at="now() - interval '3 hours'", failure_reason="'401 bad key'")
    shop.mails(500, status="failed", ago="1 hour")
    found = check_send_failures.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "In the last 5 min failed 100% of 500 attempts (bad from 5.00%), most often with “401 bad key”."
    )


@pytest.mark.parametrize(
    ("sent", "failed", "verdict"),
    [(100, 0, Verdict.OK), (99, 1, Verdict.WARN), (95, 5, Verdict.BAD), (10, 1, Verdict.OK), (0, 10, Verdict.WARN)],
)
def test_it_demands_a_minimum_of_attempts(shop: Shop, sent: int, failed: int, verdict: Verdict) -> None:
    shop.mails(sent)
    shop.mails(failed, status="failed")
    assert check_send_failures.fn(shop.door()).verdict is verdict


@pytest.mark.parametrize(
    ("due", "verdict", "says"),
    [
        (None, Verdict.OK, "No mail is due."),
        ("1 minute", Verdict.OK, "3 mails are due, the oldest for 60 s (bad from 15 min)."),
        ("6 minutes", Verdict.WARN, "3 mails are due, the oldest for 6 min (bad from 15 min)."),
        ("20 minutes", Verdict.BAD, "3 mails are due, the oldest for 20 min (bad from 15 min)."),
    ],
)
def test_it_gives_nothing_sent_a_verdict_of_its_own(shop: Shop, due: str | None, verdict: Verdict, says: str) -> None:
    """3-7: no mail in five minutes was a division by zero."""
    if due:
        shop.mails(3, status="queued", ago=due)
    found = check_send_failures.fn(shop.door())
    assert (found.verdict, found.says) == (verdict, f"Nothing was sent in the last 5 min. {says}")


def stuck(shop: Shop, *without: str) -> Finding:
    return check_stuck_sends.fn(shop.door(*without))


def test_it_finds_stuck_mails_and_says_what_the_sender_does(shop: Shop) -> None:
    """3-24: grouping failed mails explains none that is stuck: 5,000 of them, and 0 rows."""
    shop.mails(5000, status="queued", ago="2 hours")
    shop.mails(2, status="failed", failure_reason="'HTTP 429'")
    shop.mails(1, status="failed", failure_reason="'order 4290 unknown'")
    shop.ran("Sender", ago="130 minutes")
    found = stuck(shop)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "5,000 mails are due, the oldest for 2 h (bad from 15 min). The last success of 'Sender' is 2 h ago. The "
        "provider held back 2 attempts in the last hour."
    )
    assert (found.value or 0) // 60 == 120
    assert stuck(shop, "executions", "sends.error").verdict is Verdict.BAD


@pytest.mark.parametrize(("ago", "verdict"), [("4 min", Verdict.OK), ("6 min", Verdict.WARN), ("16 min", Verdict.BAD)])
def test_it_judges_the_age_of_the_oldest_and_of_the_oldest_claim(shop: Shop, ago: str, verdict: Verdict) -> None:
    shop.mails(1, status="queued", ago=ago)
    assert stuck(shop).verdict is verdict
    shop.run("TRUNCATE email_sends")
    shop.mails(1, status="sending", claimed_at=f"now() - interval '{ago}'")
    assert stuck(shop).verdict is verdict
    assert stuck(shop, "sends.claimed_at").verdict is Verdict.OK


def test_it_lets_mails_wait_that_are_not_due_or_whose_campaign_is_paused(shop: Shop) -> None:
    shop.mails(9, status="queued", scheduled_send_time="now() + interval '1 hour'")
    shop.mails(9, status="queued", ago="3 hours", campaign_id="2")
    assert stuck(shop).verdict is Verdict.BAD
    shop.run("UPDATE campaigns SET status = 'paused' WHERE id = 2")
    assert stuck(shop).verdict is Verdict.OK
    # Nobody knows of campaigns, so the age alone counts.
    assert stuck(shop, "campaigns").verdict is Verdict.BAD


def steady(shop: Shop, a_minute: int, minutes: int = 20) -> None:
    """So many a minute, and what has passed of the running one."""
    shop.run(
        "INSERT INTO email_sends (send_status, actual_send_time) "  # noqa: S608
        f"SELECT 'sent', now() - m * interval '60 seconds' / {a_minute} FROM generate_series(1, {a_minute * minutes}) m"
    )


def test_it_measures_whole_minutes(shop: Shop) -> None:
    """3-27: at a steady 120 a minute the running minute's 41 were an alarm."""
    steady(shop, 120)
    shop.mails(500, status="queued", ago="10 minutes")
    found = check_sender_pace.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.value == pytest.approx(120, abs=1)
    assert len(found.facts["minutes"]) == 15  # type: ignore[arg-type]


@pytest.mark.parametrize(("pace", "verdict"), [(101, Verdict.OK), (90, Verdict.WARN), (40, Verdict.BAD)])
def test_it_judges_the_pace_while_mails_wait(shop: Shop, pace: int, verdict: Verdict) -> None:
    steady(shop, pace)
    shop.mails(500, status="queued", ago="10 minutes")
    assert check_sender_pace.fn(shop.door()).verdict is verdict


def test_it_counts_idle_minutes_that_have_no_row(shop: Shop) -> None:
    """3-27: a sender that sent 300 in one minute and nothing since was on target, minute for minute that has a row."""
    shop.mails(300, ago="9 minutes")
    shop.mails(500, status="queued", ago="12 minutes")
    found = check_sender_pace.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.value == 0


def test_it_does_not_judge_a_sender_that_has_nothing_to_do_or_has_only_begun(shop: Shop) -> None:
    steady(shop, 3)
    found = check_sender_pace.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.says == "No mail is due. At most 3 mails a minute went out in the last 15."
    # A newsletter's ten thousand, due since half a minute: the idle minutes before were no queue's.
    shop.mails(10_000, status="queued", ago="30 seconds")
    found = check_sender_pace.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert "Too early to judge" in found.says


def test_it_reads_a_day_by_an_index(own_shop: Shop) -> None:
    """3-25: DATE(x) = CURRENT_DATE - 1 read the whole table."""
    own_shop.mails(
        100_000,
        actual_send_time="now() - n * interval '26 seconds'",
        updated_at="now() - n * interval '26 seconds'",
        scheduled_send_time="now() - n * interval '26 seconds'",
    )
    own_shop.mails(400, status="failed", updated_at="now() - n * interval '1 hour'")
    own_shop.mails(20, status="queued", ago="1 minute")
    own_shop.run("VACUUM ANALYZE email_sends")
    now = own_shop.door().now()
    day = day_before(now, "UTC")
    span = {"since": day.since, "until": day.until}
    for query, given in ((ATTEMPTS, span), (FAILURES, span), (DUE, {}), (RATE_LIMITED, {}), (MINUTES, {"minutes": 15})):
        with psycopg.connect(own_shop.stage.url("reader").get_secret_value()) as session:
            plan = session.execute(f"EXPLAIN {own_shop.door().filled(query)}".encode(), given).fetchall()
        assert not [line for (line,) in plan if "Seq Scan on email_sends" in line], plan
