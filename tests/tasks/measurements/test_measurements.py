"""Is exactly what was due thinned, by the owner's URL only, and never sooner than agreed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pydantic import SecretStr, ValidationError

from tasks import deadline
from tasks.measurements.actions import ThinMeasurements
from tasks.measurements.checks import check_unthinned_measurements
from tasks.measurements.system import Measurements
from tasks.model import Refused, Risk, Verdict
from tests.flows.conftest import migrated, roles  # noqa: F401 - fixtures
from tests.flows.journal.conftest import Roles
from tests.flows.journal.test_series import LAG, write
from tests.flows.journal.test_thinning import DAY, NOW, OLD, by_month, parts

THIN = ThinMeasurements()


@pytest.fixture
def door(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> Measurements:  # noqa: F811
    """In November; July's points are old, and September's not yet."""
    by_month(roles)
    monkeypatch.setattr(deadline, "now", lambda: NOW)
    return Measurements(owner_url=SecretStr(roles.owner_url))


def test_it_thins_exactly_what_is_due(door: Measurements, roles: Roles) -> None:  # noqa: F811
    series = write(roles, (OLD, 1.0, "OK"), (datetime(2026, 9, 1, tzinfo=UTC), 2.0, "OK"), (NOW, 3.0, "OK"))
    assert check_unthinned_measurements.fn(door).verdict is Verdict.WARN
    plan = THIN.plan(door)
    assert [command.line for command in plan.commands] == [
        f"INSERT INTO incident.hours … FROM incident.{part}; DROP TABLE incident.{part};"
        for part in ("measurements_to_2026_07", "measurements_to_2026_08")
    ]
    assert plan.risk is Risk.LOW
    assert THIN.applied(door, plan) is False
    outcome = THIN.apply(door, plan)
    assert (outcome.says, outcome.complete) == ("2 parts thinned: 1 points.", True)
    assert THIN.applied(door, plan) is True
    assert "to_2026_08" not in parts(roles)
    assert "to_2026_09" in parts(roles)
    assert [one.average for one in series.buckets(LAG, OLD, NOW + DAY, 3)] == [1.0, 2.0, 3.0]
    assert THIN.plan(door).commands == ()
    assert check_unthinned_measurements.fn(door).verdict is Verdict.OK


def test_a_second_run_of_an_approved_plan_does_nothing_more(door: Measurements, roles: Roles) -> None:  # noqa: F811
    plan = THIN.plan(door)
    THIN.apply(door, plan)
    before = parts(roles)
    outcome = THIN.apply(door, plan)
    assert (outcome.says, len(outcome.not_done)) == ("No part thinned: 0 points. 2 left.", 2)
    assert parts(roles) == before


def test_it_begins_nothing_after_the_window(door: Measurements, roles: Roles) -> None:  # noqa: F811
    plan = THIN.plan(door)
    with deadline.until(NOW - timedelta(seconds=1)):
        assert len(THIN.apply(door, plan).not_done) == 2
    assert "to_2026_07" in parts(roles)


def test_it_lets_old_hours_go_and_what_came_late(
    door: Measurements,
    roles: Roles,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    THIN.apply(door, THIN.plan(door))
    write(roles, (OLD, 1.0, "OK"))
    [rest] = THIN.plan(door).commands
    assert rest.line.endswith("DELETE FROM incident.measurements_rest WHERE at < '2026-08-01';")
    THIN.apply(door, THIN.plan(door))
    monkeypatch.setattr(deadline, "now", lambda: OLD + 731 * DAY)
    lines = [command.line for command in THIN.plan(door).commands]
    assert "DELETE FROM incident.hours WHERE at < '2026-07-02';" in lines


def test_it_is_the_owners_alone(door: Measurements, roles: Roles) -> None:  # noqa: F811
    runner = door.model_copy(update={"owner_url": SecretStr(roles.runner_url)})
    with pytest.raises(Refused, match="may thin nothing: only the owner"):
        THIN.plan(runner)
    plan = THIN.plan(door)
    with pytest.raises(Refused):
        THIN.apply(runner, plan)
    assert "to_2026_07" in parts(roles)
    assert [found.verdict for found in runner.examine()] == [Verdict.BAD]
    assert [found.verdict for found in door.examine()] == [Verdict.OK]


@pytest.mark.parametrize("part", ["measurements_to_2027_01", "entries", "measurements", "measurements_to_2026_07 x"])
def test_it_takes_nothing_but_an_old_month(door: Measurements, part: str) -> None:
    with pytest.raises(Refused, match="is no month before"):
        door.thinning.take(part, datetime(2026, 8, 1, tzinfo=UTC))


def test_it_waits_for_nobody_who_reads(door: Measurements, roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr("tasks.measurements.thinning.WAIT_FOR_TABLE", "100ms")
    plan = THIN.plan(door)
    with psycopg.connect(roles.owner_url) as backup:
        backup.execute("LOCK TABLE incident.measurements IN ACCESS SHARE MODE")
        with pytest.raises(Exception, match="lock"):
            THIN.apply(door, plan)
    assert "to_2026_07" in parts(roles)
    assert THIN.apply(door, plan).complete


@pytest.mark.parametrize(("points", "hours"), [(30, 730), (90, 60)])
def test_it_refuses_to_keep_less_than_a_month_or_hours_less_than_points(points: int, hours: int) -> None:
    with pytest.raises(ValidationError):
        Measurements(owner_url=SecretStr("postgresql://x@127.0.0.1/x"), points_days=points, hours_days=hours)
