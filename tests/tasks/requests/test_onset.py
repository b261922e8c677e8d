"""Since when: found where it is, with bounds that hold, and not found where nothing changed."""

from __future__ import annotations

import random

import pytest

from tasks.requests.onset import onset

HOUR_S = 3600.0


def events(rate: float, *shares: tuple[float, float], seed: int = 1) -> list[tuple[float, bool]]:
    """Requests at random, `rate` a second; of those from each second on, a share fails."""
    chance = random.Random(seed)  # noqa: S311 - requests, no secrets
    found, at_s = [], 0.0
    while (at_s := at_s + chance.expovariate(rate)) < HOUR_S:
        share = next(one for begin_s, one in reversed(shares) if at_s >= begin_s)
        found.append((at_s, chance.random() < share))
    return found


def test_it_finds_the_moment_within_its_bounds() -> None:
    """95 of 100 are promised, by the grid of ten seconds a few more."""
    inside = 0
    for seed in range(100):
        chance = random.Random(seed)  # noqa: S311 - requests, no secrets
        true_s = chance.uniform(600, 3300)
        found = onset(events(2, (0, 0.005), (true_s, 0.2), seed=seed), 0, HOUR_S)
        assert found is not None
        inside += found.earliest_s <= true_s <= found.latest_s
        assert found.give_or_take_s < 180
    assert inside >= 95


def test_it_finds_none_where_nothing_changed() -> None:
    """But for one in hundreds of hours, in which chance looks like a change."""
    found = [onset(events(1, (0, (0.01, 0.05, 0.3)[seed % 3]), seed=seed), 0, HOUR_S) for seed in range(150)]
    assert sum(one is not None for one in found) <= 1


def test_a_clear_step_is_known_to_ten_seconds() -> None:
    found = onset(events(20, (0, 0.0), (1800, 0.5)), 0, HOUR_S)
    assert found is not None
    assert found.earliest_s <= 1800 <= found.latest_s
    assert found.give_or_take_s <= 10
    assert found.before == 0
    assert found.after == pytest.approx(0.5, abs=0.02)


def test_of_two_steps_it_tells_the_one_that_made_it_what_it_is() -> None:
    found = onset(events(5, (0, 0.001), (1000, 0.02), (2500, 0.3)), 0, HOUR_S)
    assert found is not None
    assert abs(found.at_s - 2500) <= 20


def test_what_passed_half_an_hour_ago_is_not_what_goes_on_now() -> None:
    found = onset(events(5, (0, 0.0), (600, 0.3), (900, 0.0), (3000, 0.3)), 0, HOUR_S)
    assert found is not None
    assert abs(found.at_s - 3000) <= 20


def test_going_up_and_down_since_then_is_one_thing() -> None:
    found = onset(events(5, (0, 0.0), (1200, 0.3), (2000, 0.2), (2600, 0.3)), 0, HOUR_S)
    assert found is not None
    assert abs(found.at_s - 1200) <= 20


@pytest.mark.parametrize("shares", [((0, 0.3), (1800, 0.0)), ((0, 0.3),), ((0, 0.0),)])
def test_it_tells_of_no_beginning_where_none_is_seen(shares: tuple[tuple[float, float], ...]) -> None:
    assert onset(events(5, *shares), 0, HOUR_S) is None


def test_it_needs_no_requests() -> None:
    assert onset([], 0, HOUR_S) is None
    assert onset([(3599.9, True)], 0, HOUR_S) is None
