"""Durations and counts as a person says them."""

import pytest

from tasks.postgres.words import count, limit, span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (29.9, "29 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (1799, "29 min"),
        (7200, "2 h"),
        (3.6e7, "10,000 h"),
    ],
)
def test_it_rounds_durations_down(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.5, "0.5 s"), (30, "30 s"), (90, "90 s"), (300, "5 min")])
def test_it_says_limits_exactly(seconds: float, said: str) -> None:
    assert limit(seconds) == said


@pytest.mark.parametrize(("number", "said"), [(0, "No session waits"), (1, "1 session waits"), (2, "2 sessions wait")])
def test_it_knows_singular_and_plural(number: int, said: str) -> None:
    assert count(number, "session", "wait") == said
