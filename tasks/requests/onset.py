"""Since when: the moment from which more requests fail (or are slow) than before, and how sure that is.

Counts in steps of ten seconds. A step in the share is taken for real where it makes the counts e^10 times as likely as
none; then each place it could lie at is weighed by its likelihood, and those that hold 95 % of it are the answer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEP_S = 10.0
# Of 360 places the best one looks better than none by chance: in half of all hours without a change by e^2.2, in one of
# a hundred by e^6.4, in one of a thousand by e^9 (1,500 tried).
CERTAIN = 10.0
SURE = 0.95
# A share that is not half of what it is now is another state; less than that is the same one, going up and down.
SAME = 0.5


@dataclass(frozen=True, kw_only=True)
class Onset:
    """From a moment between `earliest_s` and `latest_s` (Unix time) the share was `after`; `before` it was another."""

    earliest_s: float
    latest_s: float
    before: float
    after: float
    number_before: int
    number_after: int

    @property
    def at_s(self) -> float:
        return (self.earliest_s + self.latest_s) / 2

    @property
    def give_or_take_s(self) -> float:
        return (self.latest_s - self.earliest_s) / 2


def onset(events: Iterable[tuple[float, bool]], since_s: float, until_s: float) -> Onset | None:
    """When the share of true ones rose to what it is at the end.

    None where it was the same all the time, or the end is better than what was before.
    """
    steps = max(1, math.ceil((until_s - since_s) / STEP_S))
    whole, part = [0] * steps, [0] * steps
    for at_s, counts in events:
        if since_s <= at_s <= until_s:
            place = min(steps - 1, int((at_s - since_s) / STEP_S))
            whole[place] += 1
            part[place] += counts
    wholes, parts = ([0, *itertools.accumulate(one)] for one in (whole, part))
    borders = [0, *_changes(wholes, parts, 0, steps), steps]
    state = len(borders) - 2
    now = _share(wholes, parts, borders[state], steps)
    while state > 0 and _share(wholes, parts, borders[state - 1], borders[state]) >= SAME * now:
        state -= 1
    if state == 0 or not now:
        return None
    begin, border = borders[state - 1], borders[state]
    # What came after may have gone up and down; the step itself is looked for up to the next change.
    first, last = _where(wholes, parts, begin, borders[state + 1])
    return Onset(
        earliest_s=since_s + (first - 1) * STEP_S,
        latest_s=min(since_s + (last + 1) * STEP_S, until_s),
        before=_share(wholes, parts, begin, border),
        after=_share(wholes, parts, border, steps),
        number_before=wholes[border] - wholes[begin],
        number_after=wholes[steps] - wholes[border],
    )


def _changes(wholes: Sequence[int], parts: Sequence[int], begin: int, end: int) -> list[int]:
    """Where the share changes, within a stretch of steps: the clearest place first, then either side of it."""
    if end - begin < 2:
        return []
    gains = _gains(wholes, parts, begin, end)
    best = max(range(len(gains)), key=gains.__getitem__)
    if gains[best] < CERTAIN:
        return []
    place = begin + 1 + best
    return [*_changes(wholes, parts, begin, place), place, *_changes(wholes, parts, place, end)]


def _where(wholes: Sequence[int], parts: Sequence[int], begin: int, end: int) -> tuple[int, int]:
    """The first and last of the places that together hold `SURE` of the likelihood."""
    gains = _gains(wholes, parts, begin, end)
    weights = [math.exp(gain - max(gains)) for gain in gains]
    held, kept, total = 0.0, [], sum(weights)
    for place in sorted(range(len(weights)), key=lambda one: -weights[one]):
        kept.append(begin + 1 + place)
        held += weights[place]
        if held >= SURE * total:
            break
    return min(kept), max(kept)


def _gains(wholes: Sequence[int], parts: Sequence[int], begin: int, end: int) -> list[float]:
    """By how much two shares are likelier than one, as a logarithm, for a change at each step after `begin`."""
    one = _likelihood(parts[end] - parts[begin], wholes[end] - wholes[begin])
    return [
        _likelihood(parts[place] - parts[begin], wholes[place] - wholes[begin])
        + _likelihood(parts[end] - parts[place], wholes[end] - wholes[place])
        - one
        for place in range(begin + 1, end)
    ]


def _likelihood(part: int, whole: int) -> float:
    if part in (0, whole):
        return 0.0
    share = part / whole
    return part * math.log(share) + (whole - part) * math.log(1 - share)


def _share(wholes: Sequence[int], parts: Sequence[int], begin: int, end: int) -> float:
    whole = wholes[end] - wholes[begin]
    return (parts[end] - parts[begin]) / whole if whole else 0.0
