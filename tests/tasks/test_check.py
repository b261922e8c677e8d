from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from tasks.check import InvalidCheck, check, within
from tasks.environment import Environment, Kind
from tasks.model import CannotLook, Earlier, Finding, Refused, Threshold, Verdict
from tasks.system import System


class Lamp(System):
    kind: ClassVar[str] = "test-check-lamp"
    config_lines: ClassVar[str] = "watt = 40"
    watt: int = 40


LIMIT = Threshold(warn=50, bad=60, because="The shade melts at 60 W.")


@check
def check_lamp(lamp: Lamp, watt: Threshold = LIMIT, spare: str = "none") -> Finding:
    """Is the lamp too strong?

    Lamps that are off are left out.
    """
    return Finding(verdict=watt.judge(lamp.watt), says=f"{lamp.watt} W (bad from {watt.bad:g} W).", value=lamp.watt)


@check
def check_change(lamp: Lamp, earlier: Earlier | None = None) -> Finding:
    """Did it change?"""
    return Finding(verdict=Verdict.OK, says=f"It was {earlier.value:g} W." if earlier else "First look.")


def place(watt: int = 40, **thresholds: Any) -> Environment:
    return Environment(name="here", kind=Kind.LAB, systems={"lamp": Lamp(watt=watt)}, thresholds=thresholds)


def test_it_reads_itself_off_the_function() -> None:
    assert (check_lamp.name, check_lamp.question) == ("check_lamp", "Is the lamp too strong?")
    assert check_lamp.notes == "Lamps that are off are left out."
    assert check_lamp.systems == {"lamp": Lamp}
    assert check_lamp.thresholds == {"watt": LIMIT}


def test_it_asks_the_environments_system() -> None:
    assert check_lamp.ask(place(watt=55)).verdict is Verdict.WARN


def test_it_judges_by_the_environments_limit() -> None:
    stricter = Threshold(warn=30, bad=35, because="An old shade.")
    finding = check_lamp.ask(place(watt=40, check_lamp={"watt": stricter}))
    assert (finding.verdict, finding.says) == (Verdict.BAD, "40 W (bad from 35 W).")


def test_it_does_not_take_a_limit_it_never_declared() -> None:
    """`spare` is a parameter, but no limit: the catalog names such a key, and the check still answers."""
    other = Threshold(warn=1, bad=2, because="A typo.")
    given = check_lamp.arguments(place(check_lamp={"wat": other, "spare": other}, check_other={"watt": other}))
    assert set(given) == {"lamp"}


def test_it_gets_the_environments_time_zone_when_it_asks_for_it() -> None:
    @check
    def check_day(lamp: Lamp, time_zone: str = "UTC") -> Finding:
        """Which day is it?"""
        return Finding(verdict=Verdict.OK, says=f"The day of {time_zone}, {lamp.watt} W.")

    there = Environment(name="here", kind=Kind.LAB, time_zone="Asia/Tokyo", systems={"lamp": Lamp()})
    assert check_day.ask(there).says == "The day of Asia/Tokyo, 40 W."
    # It is no parameter that somebody fills in.
    assert check_day.arguments(there, given={"time_zone": "UTC"})["time_zone"] == "Asia/Tokyo"
    assert "time_zone" not in check_lamp.arguments(there)


def test_it_gets_the_earlier_answer_when_it_asks_for_it() -> None:
    assert check_change.ask(place()).says == "First look."
    assert check_change.ask(place(), Earlier(at_s=0, value=25)).says == "It was 25 W."
    assert check_lamp.ask(place(), Earlier(at_s=0, value=25)).verdict is Verdict.OK


def test_it_says_what_to_add_when_the_system_is_missing() -> None:
    with pytest.raises(Refused) as refused:
        check_lamp.ask(Environment(name="here", kind=Kind.LAB))
    assert refused.value.says == "here has no test-check-lamp configured."
    assert refused.value.remedy.endswith("[environments.here.systems.test-check-lamp]\nwatt = 40")


def test_it_gives_up_on_a_check_that_hangs() -> None:
    released = threading.Event()

    @check(limit=timedelta(seconds=0.2))
    def check_hangs(lamp: Lamp) -> Finding:
        """Does it hang?"""
        released.wait(120)
        return Finding(verdict=Verdict.OK, says="Too late.")

    try:
        with pytest.raises(CannotLook) as gone:
            check_hangs.ask(place())
    finally:
        released.set()
    assert str(gone.value) == "It did not answer within 0.2 s."
    assert not isinstance(gone.value, Refused), "asking again may help"


@pytest.mark.parametrize("error", [CannotLook("Try later."), Refused("No."), ZeroDivisionError("1 / 0"), SystemExit(3)])
def test_it_passes_on_what_the_question_raises(error: BaseException) -> None:
    def ask() -> Finding:
        raise error

    with pytest.raises(type(error)) as raised:
        within(timedelta(seconds=5), ask)
    assert raised.value is error


def test_it_asks_in_the_context_of_the_asker() -> None:
    """Prefect's run logger finds its run by context."""
    run: ContextVar[str] = ContextVar("run", default="none")
    run.set("mine")
    assert within(timedelta(seconds=5), lambda: Finding(verdict=Verdict.OK, says=run.get())).says == "mine"


def test_it_takes_a_limit_and_retries() -> None:
    @check(limit=timedelta(seconds=1), retries=0)
    def check_once(lamp: Lamp) -> Finding:
        """Is it asked once?"""
        return Finding(verdict=Verdict.OK, says="Yes.")

    assert (check_once.limit, check_once.retries) == (timedelta(seconds=1), 0)


def is_it_on(lamp: Lamp) -> Finding:
    """Is it on?"""
    raise NotImplementedError


def check_mute(lamp: Lamp) -> Finding:
    raise NotImplementedError


def check_statement(lamp: Lamp) -> Finding:
    """Looks at the lamp."""
    raise NotImplementedError


def check_number(lamp: Lamp, number: int) -> Finding:
    """How many?"""
    raise NotImplementedError


def check_untyped(lamp) -> Finding:  # type: ignore[no-untyped-def]
    """Which lamp?"""
    raise NotImplementedError


def check_many(*lamps: Lamp) -> Finding:
    """Which lamps?"""
    raise NotImplementedError


def check_anything(lamp: Lamp, **rest: int) -> Finding:
    """What else?"""
    raise NotImplementedError


def check_place(lamp: Lamp, /) -> Finding:
    """Where?"""
    raise NotImplementedError


HERE = __name__
NEVER_FILLED = "Give it a default, or the type of a System."


@pytest.mark.parametrize(
    ("fn", "said"),
    [
        (is_it_on, "is_it_on: a check's name starts with 'check_'."),
        (check_mute, "check_mute: the docstring's first line must be the question and end in '?'."),
        (check_statement, "check_statement: the docstring's first line must be the question and end in '?'."),
        (check_number, f"check_number: nobody fills the parameter 'number' (<class 'int'>). {NEVER_FILLED}"),
        (check_untyped, f"check_untyped: nobody fills the parameter 'lamp' (no type). {NEVER_FILLED}"),
        (check_many, "check_many: the parameter 'lamps' cannot be given by name. Write it without '*' or '/'."),
        (check_anything, "check_anything: the parameter 'rest' cannot be given by name. Write it without '*' or '/'."),
        (check_place, "check_place: the parameter 'lamp' cannot be given by name. Write it without '*' or '/'."),
    ],
)
def test_it_refuses_a_check_that_could_not_be_asked(fn: Callable[..., Finding], said: str) -> None:
    with pytest.raises(InvalidCheck) as refused:
        check(fn)
    assert str(refused.value) == f"{HERE}: {said}"


@pytest.mark.parametrize(
    ("error", "again"), [(CannotLook("Later."), True), (Refused("No."), False), (ValueError("A defect."), False)]
)
def test_it_asks_again_only_when_that_may_help(error: Exception, again: bool) -> None:
    """The condition alone, on a real failed state; tests/flows/life/test_retries.py sees Prefect obey it."""
    from prefect.states import Failed

    from tasks.check import _may_pass

    assert _may_pass(None, None, Failed(data=error)) is again
