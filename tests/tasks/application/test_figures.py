"""The seven figures: each with its own limits, and none hidden by another."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.application.figures.checks import check_key_figures
from tasks.model import Finding, Verdict
from tests.tasks.application.conftest import Shop
from tests.tasks.application.test_reactions import SETTLED
from tests.tasks.application.test_sending import YESTERDAY


def day(shop: Shop, sent: int = 970, hard: int = 5, soft: int = 5, failed: int = 20) -> None:
    """Yesterday's mails and runs, and mails that are old enough to have been read."""
    shop.mails(sent, actual_send_time=YESTERDAY)
    shop.mails(hard, status="bounced", bounce_type="'hard'", actual_send_time=YESTERDAY)
    shop.mails(soft, status="bounced", bounce_type="'soft'", actual_send_time=YESTERDAY)
    shop.mails(failed, status="failed", updated_at=YESTERDAY)
    for name in ("Scheduler", "Sender"):
        runs(shop, name, 720, "success")


def runs(shop: Shop, name: str, amount: int, status: str) -> None:
    shop.run(
        "INSERT INTO workflow_executions (workflow_name, status, duration_ms, created_at) "  # noqa: S608
        f"SELECT '{name}', '{status}', 9, {YESTERDAY} FROM generate_series(1, {amount})"
    )


def read(shop: Shop, opened: int = 400, clicked: int = 60, left: int = 4) -> None:
    """A thousand mails of the day that is judged, and what became of them."""
    shop.mails(1000, actual_send_time=SETTLED, created_at="now() - interval '9 days'")
    for kind, amount in (("open", opened), ("click", clicked), ("unsubscribe", left)):
        shop.run(
            "INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash) "  # noqa: S608
            f"SELECT id, '{kind}', now(), '{kind}' || id FROM email_sends WHERE actual_send_time = {SETTLED} "
            f"ORDER BY id LIMIT {amount}"
        )


def rows(found: Finding) -> dict[str, Any]:
    return {str(row["figure"]): row for row in found.rows}


def test_it_tells_all_seven(shop: Shop) -> None:
    day(shop)
    read(shop)
    found = check_key_figures.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.says == (
        "All 7 key figures are on target: Delivered 97% of 1,000 attempts (bad from 90% down); Opened 40% of 1,000 "
        "mails (noted from 20% down); Clicked 6.00% of 1,000 mails (noted from 2.00% down); Unsubscribed 0.40% of "
        "1,000 mails (bad from 1.00%); Bounced hard 0.51% of 980 mails (bad from 5.00%); Scheduler succeeded 100% of "
        "720 runs (bad from 95% down); Sender succeeded 100% of 720 runs (bad from 95% down)."
    )
    assert found.facts["Opened"] == 0.4
    assert rows(found)["Delivered"] == {
        "figure": "Delivered",
        "verdict": "OK",
        "value": 0.97,
        "of": 1000,
        "target": 0.95,
        "alert": 0.90,
    }


@pytest.mark.parametrize(
    ("figure", "given", "verdict"),
    [
        ("Delivered", {"sent": 940, "failed": 50}, Verdict.WARN),
        ("Delivered", {"sent": 890, "failed": 100}, Verdict.BAD),
        ("Bounced hard", {"sent": 970, "hard": 20}, Verdict.WARN),
        ("Bounced hard", {"sent": 940, "hard": 50, "failed": 0}, Verdict.BAD),
        ("Bounced hard", {"sent": 970, "soft": 40, "failed": 0}, Verdict.OK),
        ("Delivered", {"sent": 0, "hard": 0, "soft": 0, "failed": 0}, Verdict.OK),
    ],
)
def test_it_judges_yesterdays_mails(shop: Shop, figure: str, given: dict[str, int], verdict: Verdict) -> None:
    day(shop, **given)
    assert rows(check_key_figures.fn(shop.door()))[figure]["verdict"] == verdict.name


@pytest.mark.parametrize(
    ("figure", "given", "verdict"),
    [
        ("Opened", {"opened": 300}, Verdict.WARN),
        ("Opened", {"opened": 10}, Verdict.WARN),  # a note, whatever it is
        ("Clicked", {"clicked": 0}, Verdict.WARN),
        ("Unsubscribed", {"left": 5}, Verdict.WARN),
        ("Unsubscribed", {"left": 10}, Verdict.BAD),
    ],
)
def test_it_judges_what_readers_did(shop: Shop, figure: str, given: dict[str, int], verdict: Verdict) -> None:
    read(shop, **given)
    assert rows(check_key_figures.fn(shop.door()))[figure]["verdict"] == verdict.name


@pytest.mark.parametrize(
    ("good", "failed", "verdict"), [(990, 10, "WARN"), (950, 50, "BAD"), (991, 9, "OK"), (9, 1, "OK")]
)
def test_it_judges_the_schedulers_runs(shop: Shop, good: int, failed: int, verdict: str) -> None:
    runs(shop, "Scheduler", good, "success")
    runs(shop, "Scheduler", failed, "error")
    assert rows(check_key_figures.fn(shop.door()))["Scheduler succeeded"]["verdict"] == verdict


def test_one_that_cannot_be_had_hides_no_other(shop: Shop) -> None:
    day(shop, sent=800, failed=200)
    found = check_key_figures.fn(shop.door("events", "executions.sender"))
    assert found.verdict is Verdict.BAD
    assert found.says.startswith("5 of 7 key figures off target or unknown: Delivered 79% of 1,010 attempts")
    assert ".." not in found.says
    assert {name for name, row in rows(found).items() if row["verdict"] == "UNKNOWN"} == {
        "Opened",
        "Clicked",
        "Unsubscribed",
        "Sender succeeded",
    }
    assert found.remedy.startswith("Write in environments.toml")
