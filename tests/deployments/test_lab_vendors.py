"""The lab's vendors: well until a drill makes one ill, ill until something is done about it, and well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deployments import private_file
from deployments.lab import Lab, vendors
from runbooks.model import Drill
from runbooks.workflows import claude_timeouts, enrichment_stuck, unipil_errors
from tasks.action import Action
from tasks.config import Config
from tasks.environment import Environment, Kind
from tasks.fault import RefusesProduction
from tasks.model import Verdict
from tasks.paid_api.api import PaidApi
from tasks.registry import register_systems

RUNBOOKS = (claude_timeouts.runbook, unipil_errors.runbook, enrichment_stuck.runbook)
DRILLS = [drill for runbook in RUNBOOKS for drill in runbook.drills]
ASKED = [asked for runbook in RUNBOOKS for asked in runbook.diagnosis]
SETTINGS = "SELECT setting, value::text FROM settings ORDER BY setting"
PROSPECTS = "SELECT id, stage, stage_changed_at, error, attempts FROM prospects ORDER BY id"


def titled(one: Any) -> str:
    return type(one.fault).__name__ if isinstance(one, Drill) else str(getattr(one, "name", one))


@pytest.fixture(scope="module")
def place(lab: Lab) -> Environment:
    register_systems()
    return Config.load(Path("/nonexistent.toml"), lab.home.lab_environment).environment("lab")


@pytest.fixture
def unchanged(lab: Lab, place: Environment) -> Iterator[None]:
    """What a drill leaves: the application's settings, prospects and every key as they were, nothing in the folder."""

    def seen() -> tuple[list[Any], list[Any], list[str]]:
        keys = [place.systems[vendor] for vendor in vendors.NAMES]
        with psycopg.connect(lab.url("app")) as session:
            settings = session.execute(SETTINGS).fetchall()
            prospects = session.execute(PROSPECTS).fetchall()
        return settings, prospects, [one.key_now().get_secret_value() for one in keys if isinstance(one, PaidApi)]

    before = seen()
    yield
    assert seen() == before
    folder = lab.home.lab.beside("vendors")
    assert not [vendor for vendor in vendors.NAMES if (folder / vendors.trouble_file(vendor)).exists()]
    assert not (folder / vendors.LINKS).exists()


def done(action: Action, place: Environment) -> bool:
    given = place.supply(action.plan)
    plan = action.plan(**given)
    assert plan.commands, plan.does
    outcome = action.apply(**given, plan=plan)
    assert action.applied(**given, plan=plan) is True
    return outcome.complete


@pytest.mark.parametrize("asked", ASKED, ids=titled)
def test_they_are_well(place: Environment, asked: Any) -> None:
    found = asked.ask(place)
    assert found.verdict is Verdict.OK, found.says


@pytest.mark.parametrize("drill", DRILLS, ids=titled)
def test_trouble_lasts_until_something_is_done_about_it(place: Environment, unchanged: None, drill: Drill) -> None:
    with drill.fault.during(place):
        for _ in range(2):
            assert drill.noticed_by.ask(place).verdict is Verdict.BAD
        assert done(drill.resolved_by(), place)
        for _ in range(2):
            assert drill.noticed_by.ask(place).verdict is Verdict.OK
    assert drill.noticed_by.ask(place).verdict is Verdict.OK


@pytest.mark.parametrize("drill", DRILLS, ids=titled)
def test_a_drill_that_nobody_resolves_leaves_nothing(place: Environment, unchanged: None, drill: Drill) -> None:
    with drill.fault.during(place):
        assert drill.noticed_by.ask(place).verdict is Verdict.BAD
    assert drill.noticed_by.ask(place).verdict is Verdict.OK


@pytest.mark.parametrize("drill", DRILLS, ids=titled)
def test_drills_break_nothing_where_customers_live(place: Environment, unchanged: None, drill: Drill) -> None:
    there = place.model_copy(update={"kind": Kind.PRODUCTION, "name": "production"})
    with pytest.raises(RefusesProduction), drill.fault.during(there):
        pass


def test_doctor_finds_them(place: Environment) -> None:
    for vendor in vendors.NAMES:
        assert {found.verdict for found in place.systems[vendor].examine()} == {Verdict.OK}


def test_their_keys_are_for_nobody_else_to_read(lab: Lab) -> None:
    folder = lab.home.lab.beside("vendors")
    for name in (vendors.KEYS, vendors.URL, *(vendors.key_file(vendor) for vendor in vendors.NAMES)):
        assert (folder / name).stat().st_mode & 0o077 == 0
    keys = private_file.read_json(folder / vendors.KEYS)
    assert len({key for held in keys.values() for key in held.values()}) == 8
