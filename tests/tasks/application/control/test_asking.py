"""How much is asked at once: halved and put back, one row and nothing else."""

from __future__ import annotations

import pytest

from tasks.application.asking.actions import SlowDownClaude, SlowDownGrok, SlowDownUnipile
from tasks.application.control.actions import PutSettingsBack
from tasks.model import CannotLook, Refused, Risk
from tests.tasks.application.conftest import Shop

OTHERS = "SELECT setting, value FROM settings WHERE setting <> 'claude_concurrency' ORDER BY 1"


def test_it_halves_exactly_that_setting_and_puts_it_back(shop: Shop) -> None:
    others, door, action = shop.run(OTHERS), shop.door(), SlowDownClaude()
    plan = action.plan(door)
    assert plan.does == "Let the application make 25 requests to Claude at once instead of 50."
    assert plan.risk is Risk.LOW
    assert [command.line for command in plan.commands] == [
        """UPDATE "public"."settings" SET "value" = '25' """
        """WHERE "setting" = 'claude_concurrency' AND "value"::text = '50';"""
    ]
    assert action.applied(door, plan=plan) is False
    outcome = action.apply(door, plan=plan)
    assert outcome.complete
    assert action.applied(door, plan=plan) is True
    assert shop.setting("claude_concurrency") == (25, "incident-pipelines")
    assert shop.run(OTHERS) == others
    back = action.undoing(plan, outcome)
    assert isinstance(back, PutSettingsBack)
    back.apply(door, plan=back.plan(door))
    assert shop.setting("claude_concurrency")[0] == 50
    assert shop.run(OTHERS) == others


def test_a_second_run_halves_once_more_and_never_to_none(shop: Shop) -> None:
    shop.run("UPDATE settings SET value = '3' WHERE setting = 'claude_concurrency'")
    door, action = shop.door(), SlowDownClaude()
    action.apply(door, plan=action.plan(door))
    assert shop.setting("claude_concurrency")[0] == 1
    plan = action.plan(door)
    assert plan.commands == ()
    assert "fewer is none" in plan.does


def test_what_somebody_else_has_set_meanwhile_is_left_alone(shop: Shop) -> None:
    door, action = shop.door(), SlowDownClaude()
    plan = action.plan(door)
    shop.run("UPDATE settings SET value = '40' WHERE setting = 'claude_concurrency'")
    with pytest.raises(CannotLook, match="changed by somebody else; nothing was done"):
        action.apply(door, plan=plan)
    assert shop.setting("claude_concurrency")[0] == 40


def test_it_says_which_setting_to_name(shop: Shop) -> None:
    with pytest.raises(Refused, match="requests to unipile run at once") as refused:
        SlowDownUnipile().plan(shop.door())
    assert 'at_once = { unipile = "unipile_concurrency" }' in refused.value.remedy
    # Named, and not there: nobody adds a row that the application would not read.
    with pytest.raises(Refused, match="no row for the setting 'grok_concurrency'"):
        SlowDownGrok().plan(shop.door())


@pytest.mark.parametrize("value", ['"many"', "-4", "2.5", "1e9", '"9999999999"'])
def test_what_is_no_whole_number_is_not_halved(shop: Shop, value: str) -> None:
    shop.run(f"UPDATE settings SET value = '{value}' WHERE setting = 'claude_concurrency'")  # noqa: S608
    with pytest.raises(Refused, match="no whole number"):
        SlowDownClaude().plan(shop.door())
