"""Daily figures: there for each campaign that runs, and in the unit they are taken for."""

from __future__ import annotations

import pytest

from tasks.application.analytics.checks import check_analytics_behind, check_rates_unit
from tasks.application.days import day_before
from tasks.model import Verdict
from tests.tasks.application.conftest import Shop

TODAY = "(now() AT TIME ZONE 'UTC')::date"


def figures(shop: Shop, campaign: int, *days_ago: int, rate: str = "34.5") -> None:
    for ago in days_ago:
        shop.run(f"INSERT INTO campaign_analytics VALUES ({campaign}, {TODAY} - {ago}, {rate}, {rate}, 0.1)")  # noqa: S608


def mails(shop: Shop, campaign: int, *days_ago: int) -> None:
    for ago in days_ago:
        at = f"({TODAY} - {ago}) AT TIME ZONE 'UTC' + interval '12 hours'"
        shop.mails(3, campaign_id=str(campaign), actual_send_time=at)


@pytest.mark.parametrize(
    ("newest", "verdict", "value"), [(1, Verdict.OK, 0), (2, Verdict.WARN, 1), (3, Verdict.BAD, 2), (5, Verdict.BAD, 4)]
)
def test_it_asks_each_running_campaign(shop: Shop, newest: int, verdict: Verdict, value: float) -> None:
    """3-18: one of 24 campaigns up to date, and no alarm."""
    for campaign in (1, 2):
        mails(shop, campaign, 1, 2, 3, 4, 5, 6)
    figures(shop, 1, 1)
    figures(shop, 2, newest)
    found = check_analytics_behind.fn(shop.door())
    assert (found.verdict, found.value) == (verdict, value)


def test_it_misses_a_campaign_without_any_figure(shop: Shop) -> None:
    """3-18: an empty table gave NULL, and no alarm."""
    mails(shop, 1, 1, 2, 3)
    yesterday = day_before(shop.door().now(), "UTC").date
    found = check_analytics_behind.fn(shop.door())
    assert found.verdict is Verdict.BAD
    assert found.says == (
        f"Of 2 running campaigns 1 sent mails on days without figures, the first 'Welcome', since "
        f"{yesterday.fromordinal(yesterday.toordinal() - 2)}: 3 days (bad from 2)."
    )
    shop.run("UPDATE campaigns SET status = 'paused' WHERE id = 1")
    assert check_analytics_behind.fn(shop.door()).verdict is Verdict.OK


def test_it_waits_for_no_figures_of_days_without_mails(shop: Shop) -> None:
    mails(shop, 1, 0, 4)
    figures(shop, 1, 4)
    found = check_analytics_behind.fn(shop.door())
    assert found.verdict is Verdict.OK
    assert found.says.startswith("2 running campaigns, each with its figures up to ")


@pytest.mark.parametrize(
    ("rate", "unit", "verdict"),
    [
        ("34.5", "percent", Verdict.OK),
        ("1.01", "percent", Verdict.OK),
        ("1", "percent", Verdict.WARN),
        ("0.34", "percent", Verdict.WARN),
        ("0.34", "fraction", Verdict.OK),
        ("34.5", "fraction", Verdict.WARN),
        ("NULL", "percent", Verdict.OK),
        ("0", "percent", Verdict.OK),
    ],
)
def test_it_doubts_a_unit_that_cannot_be(shop: Shop, rate: str, unit: str, verdict: Verdict) -> None:
    """3-17: rates that are stored as fractions made 24 of 24 campaigns alarm."""
    figures(shop, 1, 1, 2, 7, rate=rate)
    figures(shop, 2, 8, rate="1" if unit == "fraction" else "99")
    found = check_rates_unit.fn(shop.door(analytics={"unit": unit}))
    assert found.verdict is verdict
    if verdict:
        assert "the unit is in doubt" in found.says
        assert found.remedy.endswith(f'unit = "{"percent" if unit == "fraction" else "fraction"}"')
    if rate == "NULL":
        assert found.says == "There is no open rate of the last 7 days (nothing to judge)."
