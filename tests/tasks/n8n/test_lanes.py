"""Many questions in a few lanes: each answered in its place, and what cannot be asked says so."""

from __future__ import annotations

import threading

import pytest

from tasks.model import CannotLook
from tasks.n8n.lanes import FEW, LANES, each


@pytest.mark.parametrize("count", [0, 1, FEW, FEW + 1, 50])
def test_each_is_answered_in_its_place(count: int) -> None:
    assert each(range(count), lambda n: n * n) == [(n, n * n) for n in range(count)]


@pytest.mark.parametrize("count", [3, 40])
def test_one_that_cannot_be_asked_leaves_the_others(count: int) -> None:
    def ask(n: int) -> int:
        if n == 1:
            raise CannotLook("It is gone.")
        return n

    found = dict(each(range(count), ask))
    assert isinstance(found[1], CannotLook)
    assert [n for n, answer in found.items() if answer == n] == [n for n in range(count) if n != 1]


def test_a_crash_is_no_silence() -> None:
    def ask(n: int) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        each(range(30), ask)


def test_it_opens_few_lanes() -> None:
    threads = set[int]()
    each(range(200), lambda _: threads.add(threading.get_ident()))
    assert len(threads) <= LANES


def test_what_there_is_no_time_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.n8n.lanes.WITHIN_S", -1)
    assert [str(answer) for _, answer in each([1, 2], lambda n: n)] == ["There was no time left to ask for it."] * 2
