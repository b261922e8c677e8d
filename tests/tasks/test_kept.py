"""What a question keeps open, and for how long."""

from __future__ import annotations

import pytest

from tasks.check import check
from tasks.environment import Environment, Kind
from tasks.kept import kept_or, let_go, one_question
from tasks.model import Finding, Verdict
from tasks.system import System


class Line:
    """A telephone line that counts."""

    opened: list[Line]

    def __init__(self, well: bool = True) -> None:
        self.well, self.closed, self.woken = well, False, 0
        self.opened.append(self)

    def rest(self) -> bool:
        return self.well

    def wake(self) -> bool:
        self.woken += 1
        return self.well

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _none() -> None:
    Line.opened = []


def test_it_opens_one_for_all_uses_within_a_question_and_closes_it_at_the_end() -> None:
    with one_question():
        for _ in range(3):
            with kept_or("a", Line) as line:
                assert not line.closed
        assert not Line.opened[0].closed
    assert [(line.closed, line.woken) for line in Line.opened] == [(True, 2)]


def test_it_opens_one_for_each_use_outside_a_question() -> None:
    for _ in range(2):
        with kept_or("a", Line) as line:
            pass
        assert line.closed
    assert len(Line.opened) == 2


def test_it_tells_keys_apart_and_gives_who_asks_meanwhile_another_one() -> None:
    with one_question():
        with kept_or("a", Line) as outer, kept_or("a", Line) as inner, kept_or("b", Line) as other:
            assert len({id(outer), id(inner), id(other)}) == 3
        with kept_or("a", Line) as again:
            # The first that came to rest is the one that stays.
            assert again is inner
            assert outer.closed
    assert all(line.closed for line in Line.opened)


def test_it_does_not_keep_what_broke_in_use() -> None:
    with one_question():
        with kept_or("a", Line) as line:
            line.well = False
        assert line.closed
        with kept_or("a", Line) as second:
            assert second is not line


def test_it_opens_another_when_the_kept_one_broke_at_rest() -> None:
    with one_question():
        with kept_or("a", Line) as line:
            pass
        line.well = False
        with kept_or("a", Line) as second:
            assert second is not line
        assert line.closed


def test_it_keeps_what_was_open_when_the_use_failed() -> None:
    with one_question():
        with pytest.raises(ZeroDivisionError), kept_or("a", Line):
            raise ZeroDivisionError
        with kept_or("a", Line):
            pass
    assert len(Line.opened) == 1


def test_it_lets_go_before_a_pause() -> None:
    let_go()
    with one_question():
        with kept_or("a", Line):
            pass
        let_go()
        assert Line.opened[0].closed
        with kept_or("a", Line) as second:
            assert second is Line.opened[1]


class Exchange(System):
    """Where lines lead."""

    kind = "exchange"


@check
def check_twice(exchange: Exchange) -> Finding:
    """Does it keep its line between two looks?"""
    for _ in range(2):
        with kept_or(exchange.kind, Line):
            pass
    return Finding(verdict=Verdict.OK, says=f"{len(Line.opened)} line.")


def test_every_question_has_lines_of_its_own() -> None:
    place = Environment(name="here", kind=Kind.LAB, systems={"exchange": Exchange()}, thresholds={})
    assert check_twice.ask(place).says == "1 line."
    assert check_twice.ask(place).says == "2 line."
    assert all(line.closed for line in Line.opened)
