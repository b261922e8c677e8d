from __future__ import annotations

from typing import ClassVar

import pytest

from tasks.environment import Environment, Kind
from tasks.fault import Fault, InvalidFault, RefusesProduction
from tasks.model import Refused
from tasks.system import System


class Lamp(System):
    kind: ClassVar[str] = "test-fault-lamp"
    config_lines: ClassVar[str] = "watt = 40"


class SwitchOff(Fault):
    """Switch the lamp off."""

    def __init__(self) -> None:
        self.dark = False
        self.cured: list[str] = []

    def cause(self, lamp: Lamp) -> str:
        self.dark = True
        return "the switch"

    def cure(self, trouble: str) -> None:
        self.dark = False
        self.cured.append(trouble)


def place(kind: Kind) -> Environment:
    return Environment(name="here", kind=kind, systems={"lamp": Lamp()})


@pytest.mark.parametrize("kind", [Kind.LAB, Kind.STAGING])
def test_it_breaks_for_the_length_of_the_block(kind: Kind) -> None:
    fault = SwitchOff()
    with fault.during(place(kind)):
        assert fault.dark
    assert (fault.dark, fault.cured) == (False, ["the switch"])


def test_it_refuses_production() -> None:
    fault = SwitchOff()
    with pytest.raises(RefusesProduction) as refused, fault.during(place(Kind.PRODUCTION)):
        pytest.fail("the block was entered")
    assert str(refused.value) == (
        "SwitchOff breaks things; here is production. Drills run in lab and staging environments only."
    )
    assert not fault.dark
    assert fault.cured == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_it_cures_when_the_block_raises(error: type[BaseException]) -> None:
    fault = SwitchOff()
    with pytest.raises(error), fault.during(place(Kind.LAB)):
        raise error
    assert (fault.dark, fault.cured) == (False, ["the switch"])


def test_it_causes_nothing_where_the_system_is_missing() -> None:
    fault = SwitchOff()
    with pytest.raises(Refused), fault.during(Environment(name="here", kind=Kind.LAB)):
        pytest.fail("the block was entered")
    assert not fault.dark


def test_it_takes_its_title_from_the_docstring() -> None:
    assert SwitchOff().title == "Switch the lamp off"
    assert SwitchOff().systems == {"lamp": Lamp}


def test_it_refuses_a_fault_without_a_title() -> None:
    with pytest.raises(InvalidFault) as refused:
        type("Nameless", (SwitchOff,), {"__module__": "crm.faults"})
    assert str(refused.value) == (
        "crm.faults.Nameless: the docstring's first line is the drill's title; write an order, 'Leave …'."
    )
