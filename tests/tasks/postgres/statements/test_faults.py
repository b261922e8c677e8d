"""The report that runs away is seen, can be cancelled by the step, and is gone afterwards in any case."""

from __future__ import annotations

import threading

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Threshold
from tasks.postgres.statements import checks
from tasks.postgres.statements.actions import CancelRunningStatements
from tasks.postgres.statements.checks import check_running_statements
from tasks.postgres.statements.faults import LetReportRunAway
from tests.tasks.postgres.conftest import Stage, until

AT_ONCE = Threshold(warn=0, bad=0.001, because="Owner: this test.")


@pytest.fixture
def shop(stage: Stage) -> Stage:
    """Two tables so large that nobody sees the end of their product."""
    stage.admin("INSERT INTO leads (email) SELECT 'more' || n FROM generate_series(1, 20000) n")
    stage.admin("CREATE TABLE email_sends AS SELECT generate_series(1, 200000); GRANT ALL ON email_sends TO app")
    return stage


def lab(stage: Stage, kind: Kind = Kind.LAB) -> Environment:
    return Environment(name=str(kind), kind=kind, systems={"postgres": stage.door()})


def reports(stage: Stage) -> list[tuple[object, ...]]:
    return stage.admin("SELECT query FROM pg_stat_activity WHERE application_name = 'report' AND state = 'active'")


def test_it_runs_away_and_is_stopped(shop: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "NOTICEABLE_S", 0.0)
    with LetReportRunAway().during(lab(shop)):
        until(lambda: check_running_statements.fn(shop.door(), AT_ONCE).value, "it is noticed")
        assert reports(shop) == [("SELECT count(*) FROM public.email_sends, public.leads",)]

    until(lambda: not reports(shop), "it is gone")
    assert "report" not in [thread.name for thread in threading.enumerate()]


def test_it_can_be_cancelled_by_the_step(shop: Stage) -> None:
    action, postgres = CancelRunningStatements(), shop.door()
    with LetReportRunAway().during(lab(shop)):
        until(lambda: action.plan(postgres, AT_ONCE).commands, "the step sees it")
        assert action.apply(postgres, action.plan(postgres, AT_ONCE)).says == "1 session: 1 cancelled."
        assert reports(shop) == []

    assert "report" not in [thread.name for thread in threading.enumerate()]


def test_it_refuses_production(shop: Stage) -> None:
    with pytest.raises(RefusesProduction), LetReportRunAway().during(lab(shop, Kind.PRODUCTION)):
        pytest.fail("it broke production")

    assert reports(shop) == []
