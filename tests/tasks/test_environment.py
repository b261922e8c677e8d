from __future__ import annotations

import pytest

from tasks.environment import Environment, Kind
from tasks.model import Refused, Threshold
from tasks.parameters import systems_of
from tasks.postgres.locks.actions import TerminateBlockingSessions
from tasks.system import System
from tests.tasks.doors import Lamp, Shade, asks


def place(**systems: System) -> Environment:
    return Environment(name="here", kind=Kind.LAB, systems=systems)


def test_it_reads_the_systems_off_the_types() -> None:
    assert systems_of(asks) == {"test_lamp": Lamp, "shade": Shade}


def test_it_supplies_the_only_one_of_its_type_whatever_its_name() -> None:
    lamp, shade = Lamp(), Shade()
    assert place(desk=lamp, other=shade).supply(asks) == {"test_lamp": lamp, "shade": shade}


def test_it_supplies_the_one_named_like_the_parameter_when_there_are_several() -> None:
    lamp = Lamp()
    assert place(desk=Lamp(watt=10), test_lamp=lamp, shade=Shade()).supply(asks)["test_lamp"] is lamp


def test_it_does_not_choose_among_several() -> None:
    with pytest.raises(Refused) as refused:
        place(desk=Lamp(), floor=Lamp(), shade=Shade()).supply(asks)
    assert refused.value.says == "here has several test-lamp systems (desk, floor) and none is called test_lamp."
    assert refused.value.remedy == "Name one of them 'test_lamp' in [environments.here.systems]."


def test_it_gives_a_step_the_limits_of_the_check_that_calls_for_it() -> None:
    sooner = Threshold(warn=1, bad=3, because="A drill's sessions wait on purpose.")
    lab = Environment(name="lab", kind=Kind.LAB, thresholds={"check_blocked_sessions": {"waited": sooner}})
    assert lab.limits("check_blocked_sessions", TerminateBlockingSessions().plan) == {"waited": sooner}
    assert lab.limits("check_deadlocks", TerminateBlockingSessions().plan) == {}
    assert lab.limits("check_blocked_sessions", TerminateBlockingSessions().applied) == {}
