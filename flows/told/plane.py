"""Where on a picture a moment and a value lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flows.journal.series import Bucket
from flows.told.units import Scale, scale

# A peak of more than so many times what all but the highest fiftieth stay below would make a line of the rest.
PEAK = 4
# A limit further off than so many times the highest number is told at the edge.
FAR = 2.5
# Numbers that differ by less than this part of themselves are shown from near the lowest on, not from nothing.
FLAT = 0.4


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a picture is, and how much of it lies beside the plot. One with a heading says what it shows."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    headed: bool

    @property
    def plot_width(self) -> int:
        return self.width - self.left - self.right

    @property
    def plot_height(self) -> int:
        return self.height - self.top - self.bottom


LARGE = Size(width=960, height=340, left=84, right=112, top=70, bottom=34, headed=True)
# Two beside each other on a screen, or one across a phone: its letters are read on both; a page says the rest.
SMALL = Size(width=480, height=200, left=66, right=104, top=20, bottom=26, headed=False)


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The corners of the picture, and the unit its numbers are said in."""

    since: datetime
    until: datetime
    bottom: float
    top: float
    scale: Scale
    size: Size = LARGE

    def x(self, at: datetime) -> float:
        return self.size.plot_width * ((at - self.since) / (self.until - self.since))

    def y(self, value: float) -> float:
        return self.size.plot_height * (1 - (value - self.bottom) / (self.top - self.bottom))

    def shows(self, value: float) -> bool:
        return self.bottom <= value <= self.top

    @property
    def ticks(self) -> list[float]:
        return self.scale.ticks(self.bottom, self.top)


def plane(
    since: datetime,
    until: datetime,
    buckets: Sequence[Bucket],
    unit: str,
    lines: Sequence[float],
    size: Size = LARGE,
) -> Plane:
    """So that the numbers fill it, and `lines` are in it where they are near."""
    highest = max((bucket.highest for bucket in buckets), default=0.0)
    lowest = min((bucket.lowest for bucket in buckets), default=0.0)
    usually = sorted(bucket.highest for bucket in buckets)
    if usually and 0 < PEAK * usually[int(0.98 * (len(usually) - 1))] < highest:
        highest = usually[int(0.98 * (len(usually) - 1))] * 1.5
    # Alone they give an empty picture its scale.
    near = [line for line in lines if not highest or abs(line) <= FAR * abs(highest)]
    top, bottom = max([highest, *near]), min([lowest, *near])
    if 0 <= bottom < (1 - FLAT) * top or top == bottom > 0:
        bottom = 0.0
    if top == bottom:
        bottom, top = (2 * bottom, 0.0) if bottom < 0 else (0.0, 1.0)
    room = 0.08 * (top - bottom)
    if bottom != 0:
        bottom -= room
    top += room if top != 0 else 0.0
    said_in = scale(max(abs(bottom), abs(top)), unit)
    return Plane(since=since, until=until, bottom=bottom, top=top, scale=said_in, size=size)


def apart(heights: Sequence[float], least: float) -> list[float]:
    """The same heights, none or two, the upper one first: moved away from each other until they are `least` apart."""
    if len(heights) < 2 or heights[1] - heights[0] >= least:
        return list(heights)
    middle, half = sum(heights) / 2, least / 2
    return [middle - half, middle + half]
