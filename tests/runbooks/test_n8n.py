"""What people copy about n8n and what really happens: the runbooks say the latter."""

from __future__ import annotations

import pytest

from runbooks.model import Manual, Runbook, Step
from runbooks.workflows.execution_stopped import runbook as stopped
from runbooks.workflows.n8n_failures import runbook as failures
from tasks.n8n.executions.actions import RetryFailed
from tasks.n8n.executions.checks import check_n8n_crashed
from tasks.n8n.instance.actions import RestartN8n, RestartSilentN8n


def said(runbook: Runbook) -> str:
    return " ".join(" ".join(part.how.split()) for part in runbook.resolution if isinstance(part, Manual))


def test_nothing_is_retried_for_a_run_that_was_cut_off() -> None:
    """A retry of it sends again what it had sent."""
    called_for = [part for part in failures.resolution if part.when is check_n8n_crashed]
    assert called_for
    assert not [part for part in called_for if isinstance(part, Step)]
    assert "Retry only those of which nothing had been sent" in said(failures)


def test_no_setting_is_named_that_exists_in_no_version() -> None:
    assert "N8N_MAX_EMAILS_PER_MINUTE exists in no version" in said(failures)


def test_a_longer_time_limit_is_not_offered_against_slow_answers() -> None:
    assert "A longer time limit fills more places" in said(failures)


def test_a_missed_run_is_made_up_for_only_where_two_cannot_send_the_same() -> None:
    assert "none of its runs is under way: two runs that take the same rows send each mail twice" in said(stopped)
    assert "FOR UPDATE SKIP LOCKED" in said(stopped)


@pytest.mark.parametrize("restart", [RestartN8n(), RestartSilentN8n()], ids=lambda one: one.name)
def test_a_restart_says_what_becomes_of_runs(restart: RestartN8n | RestartSilentN8n) -> None:
    """A restart resets no connection, as people have it."""
    assert "is not gone on with; a retry sends again what it had sent" in restart.way_back


def test_a_restart_is_no_way_to_reset_connections() -> None:
    assert "A restart of n8n resets no connection and refreshes no credential" in said(failures)
    assert not [part for part in failures.resolution if isinstance(part, Step) and "Restart" in part.action.name]
    assert isinstance(next(part.action for part in failures.resolution if isinstance(part, Step)), RetryFailed)
