"""A trend is what keeps on, not what happened once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.amounts import size, stretch
from tasks.growth import looks, per_second, seconds_until, with_look

DAY = [(86400.0 * n, 100.0 * n) for n in range(10)]


def test_it_tells_the_pace_and_when_the_limit_is_reached() -> None:
    assert per_second(DAY, at_least_s=86400) == pytest.approx(100 / 86400)
    # 900 now; 1,000 tomorrow.
    assert seconds_until(1000, DAY, at_least_s=86400) == pytest.approx(86400)
    assert seconds_until(800, DAY, at_least_s=86400) == 0


@pytest.mark.parametrize("jump", [1e6, -1e6])
@pytest.mark.parametrize("when", range(1, 10))
def test_it_takes_one_jump_for_no_trend(jump: float, when: int) -> None:
    known = [(at_s, amount + (jump if n >= when else 0)) for n, (at_s, amount) in enumerate(DAY)]
    assert per_second(known, at_least_s=86400) == pytest.approx(100 / 86400)


@pytest.mark.parametrize("known", [[], DAY[:1], DAY[:2], [(1.0, 1.0), (2.0, 9.0), (3.0, 99.0)]])
def test_it_needs_looks_enough(known: list[tuple[float, float]]) -> None:
    assert per_second(known, at_least_s=86400) is None
    assert seconds_until(1e9, known, at_least_s=86400) is None


def test_it_never_reaches_what_it_does_not_grow_towards() -> None:
    shrinking = [(at_s, -amount) for at_s, amount in DAY]
    assert seconds_until(1e9, shrinking, at_least_s=86400) is None


def test_it_counts_looks_in_quick_succession_once() -> None:
    known: list[tuple[float, float]] = []
    for at_s in (0.0, 1.0, 2.0, 300.0, 301.0, 302.0, 600.0):
        known = with_look(known, at_s, at_s, every_s=300, kept=36)
    assert [at_s for at_s, _ in known] == [0.0, 300.0, 600.0]


def test_it_keeps_so_many_and_the_last() -> None:
    known: list[tuple[float, float]] = []
    for n in range(100):
        known = with_look(known, 300.0 * n, n, every_s=300, kept=5)
    assert [amount for _, amount in known] == [95, 96, 97, 98, 99]


def test_it_forgets_looks_from_the_future() -> None:
    assert with_look([(1.0, 1.0), (9e9, 2.0)], 5.0, 3.0, every_s=1, kept=9) == [(1.0, 1.0), (5.0, 3.0)]


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda kids: st.lists(kids, max_size=4)))
def test_it_reads_whatever_it_is_told(told: object) -> None:
    assert all(len(look) == 2 for look in looks(told))  # type: ignore[arg-type]


def test_it_reads_back_what_was_kept() -> None:
    assert looks([[2, 20], [1.5, 10], [True, 1], ["x", 1], [3]]) == [(1.5, 10.0), (2.0, 20.0)]


@pytest.mark.parametrize(
    ("amount", "says"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (150 * 2**20, "150 MiB"),
     (2**30, "1.0 GiB"), (5000 * 2**50, "5,000 PiB"), (-2048, "-2.0 KiB")],
)  # fmt: skip
def test_it_says_bytes(amount: float, says: str) -> None:
    assert size(amount) == says


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (-5, "0 minutes"),
        (90, "2 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (172800, "2 days"),
        (1e7, "116 days"),
    ],
)
def test_it_says_how_long(seconds: float, says: str) -> None:
    assert stretch(seconds) == says
