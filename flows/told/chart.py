"""A series as a picture: an SVG document without a library, a script or anything that is loaded.

The libraries that were looked at: matplotlib brings numpy, pillow and fonttools for one line; pygal knows neither bands
nor spans, names its parts at random, and cannot follow a reader's dark or light. Here the bytes depend on nothing but
what is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from flows.journal.series import USUAL_FROM, Bucket
from flows.told.calendar import marks
from flows.told.plane import LARGE, Plane, Size, apart, plane
from flows.told.units import amount
from flows.told.usual import Week
from flows.told.words import plain
from tasks.model import Threshold

# What is missing for longer than so many usual distances is a gap, and no line is drawn across it.
GAP = 3
# Narrower, a mark would be no colour but a doubt.
NARROWEST = 3.0
# As much of a title as has room beside the dates.
LONGEST = 66
# How wide a letter of 12 pixels is, on the average: enough to keep two names apart.
LETTER = 6.6
# Okabe and Ito's colours, which nearly everybody can tell apart; text and lines turn with the reader's preference.
STYLE = """
.paper{fill:#fff}.text{fill:#24292f;font:12px sans-serif}.head{fill:#24292f;font:bold 15px sans-serif}
.faint{fill:#57606a;font:12px sans-serif}.grid{stroke:#d0d7de;stroke-width:1}
.line{fill:none;stroke:#0072b2;stroke-width:1.6;stroke-linejoin:round}.dot{fill:#0072b2}
.reach{fill:#56b4e9;fill-opacity:.35}.usual{fill:#8c959f;fill-opacity:.22}
.warn{stroke:#b35c00;stroke-dasharray:6 4}.bad{stroke:#cf222e;stroke-dasharray:6 4}
.warn-text{fill:#b35c00;font:12px sans-serif}.bad-text{fill:#cf222e;font:12px sans-serif}
.incident{fill:#cc79a7;fill-opacity:.38}.incident-text{fill:#9a3b74;font:12px sans-serif}
@media screen and (prefers-color-scheme:dark){
.paper{fill:#0d1117}.text,.head{fill:#e6edf3}.faint{fill:#9198a1}.grid{stroke:#30363d}
.line{stroke:#58a6ff}.dot{fill:#58a6ff}.reach{fill:#388bfd}.usual{fill:#9198a1}
.warn{stroke:#e3912c}.warn-text{fill:#e3912c}.bad{stroke:#ff7b72}.bad-text{fill:#ff7b72}
.incident-text{fill:#e8a3ca}}
""".replace("\n", "")


@dataclass(frozen=True, kw_only=True)
class Span:
    """An incident: from when until when (None: it is open), and what stands above it where there is room."""

    opened: datetime
    closed: datetime | None
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What a picture shows. `usual` is the band of each hour of the week; `zone` the clock on the wall."""

    title: str
    unit: str
    since: datetime
    until: datetime
    buckets: Sequence[Bucket]
    zone: str = "UTC"
    limit: Threshold | None = None
    incidents: Sequence[Span] = ()
    usual: Week = field(default_factory=dict)
    size: Size = LARGE


def chart(drawn: Drawn) -> str:
    """The picture as an SVG document; the same bytes for the same data."""
    return "\n".join([_begun(drawn), f"<style>{STYLE}</style>", *_drawing(drawn), "</svg>"]) + "\n"


def within(drawn: Drawn) -> str:
    """The picture as a part of a page, which has STYLE in its own."""
    return "\n".join([_begun(drawn), *_drawing(drawn), "</svg>"])


def _begun(drawn: Drawn) -> str:
    size = drawn.size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size.width} {size.height}" width="{size.width}" '
        f'height="{size.height}" role="img"><title>{escape(plain(drawn.title))}, {_span(drawn)}</title>'
    )


def _span(drawn: Drawn) -> str:
    return " – ".join(f"{at.astimezone(ZoneInfo(drawn.zone)):%-d %b %Y}" for at in (drawn.since, drawn.until))


def _drawing(drawn: Drawn) -> Iterator[str]:
    size = drawn.size
    on = plane(drawn.since, drawn.until, drawn.buckets, drawn.unit, _lines(drawn), size)
    yield f'<rect class="paper" width="{size.width}" height="{size.height}"/>'
    if size.headed:
        yield from _heading(drawn)
    yield from _scales(drawn, on)
    # A picture in the picture: what reaches beyond it is cut off without a name that could clash.
    yield f'<svg x="{size.left}" y="{size.top}" width="{size.plot_width}" height="{size.plot_height}">'
    yield from _usual(drawn, on)
    yield from _spans(drawn, on)
    yield from _curve(drawn, on)
    yield from _limit_lines(drawn, on)
    yield "</svg>"
    yield from _names_of_spans(drawn, on)
    yield from _limit_names(drawn, on)
    yield from _beyond(drawn, on)
    if not drawn.buckets:
        x, y = size.left + size.plot_width / 2, size.top + size.plot_height / 2
        yield f'<rect class="paper" x="{x - 100:.1f}" y="{y - 18:.1f}" width="200" height="28"/>'
        yield _text(x, y, "Nothing was measured here.", "faint", "middle")


def _heading(drawn: Drawn) -> Iterator[str]:
    title, size = plain(drawn.title), drawn.size
    yield _text(size.left, 24, title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…", "head")
    yield _text(size.width - 14, 24, f"{_span(drawn)}, {drawn.zone}", "faint", "end")
    yield from _legend(drawn)


def _text(x: float, y: float, text: str, kind: str = "text", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(plain(text))}</text>'


def _legend(drawn: Drawn) -> Iterator[str]:
    several = any(bucket.number > 1 for bucket in drawn.buckets)
    keys = [("line", "average" if several else "measured")] if drawn.buckets else []
    keys += [("reach", "lowest to highest")] if several else []
    keys += [("usual", "usual at this hour of the week")] if drawn.usual else []
    keys += [("incident", "incident")] if _seen(drawn) else []
    x = float(drawn.size.left)
    for kind, name in keys:
        if kind == "line":
            yield f'<line class="line" x1="{x:.1f}" x2="{x + 16:.1f}" y1="40" y2="40"/>'
        else:
            yield f'<rect class="{kind}" x="{x:.1f}" y="34" width="16" height="12"/>'
        yield _text(x + 22, 44, name, "faint")
        x += 22 + len(name) * LETTER + 18


def _scales(drawn: Drawn, on: Plane) -> Iterator[str]:
    left, right, bottom = on.size.left, on.size.left + on.size.plot_width, on.size.top + on.size.plot_height
    said = [on.scale.says(tick) for tick in on.ticks]
    if any(len(text) * LETTER > left - 8 for text in said):
        # Rather the number alone than a part of it; that they are thousands or millions stays.
        spare = on.scale.name if on.scale.factor == 1 else drawn.unit
        said = [text.removesuffix(spare).rstrip() for text in said]
    for tick, text in zip(on.ticks, said, strict=True):
        y = on.size.top + on.y(tick)
        yield f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(left - 8, y + 4, text, "text", "end")
    for at, name in _apart(marks(drawn.since, drawn.until, drawn.zone), on):
        x = left + on.x(at)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{on.size.top}" y2="{bottom + 5}"/>'
        yield _text(x, bottom + 20, name, "text", "middle")


def _apart(named: Sequence[tuple[datetime, str]], on: Plane) -> Sequence[tuple[datetime, str]]:
    """As many of the marks as can be read beside each other: all, or every second one."""
    widest = max((len(name) for _, name in named), default=0) * LETTER + LETTER
    close = any(on.x(after) - on.x(before) < widest for (before, _), (after, _) in pairwise(named))
    return named[::2] if close else named


def _usual(drawn: Drawn, on: Plane) -> Iterator[str]:
    zone, hour = ZoneInfo(drawn.zone), timedelta(hours=1)
    # Finer than a point of the picture a band is not seen, only carried.
    step = max(1, round((drawn.until - drawn.since) / hour / on.size.plot_width))
    # What is usual of late was not always so.
    at = max(drawn.since, drawn.until - USUAL_FROM).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    x, wide = on.x(at), on.x(at + step * hour) - on.x(at)
    # The same week again and again.
    heights: dict[tuple[int, int], tuple[float, float] | None] = {}
    run: list[tuple[float, float, float]] = []
    while drawn.usual and at < drawn.until:
        local = at.astimezone(zone)
        begins = (local.isoweekday(), local.hour)
        if begins not in heights:
            heights[begins] = _between(drawn.usual, begins, step, on)
        if (found := heights[begins]) is None:
            yield from _area("usual", run)
            run = []
        else:
            run += [(x, *found), (x + wide, *found)]
        at += step * hour
        x += wide
    yield from _area("usual", run)


def _between(week: Week, begins: tuple[int, int], step: int, on: Plane) -> tuple[float, float] | None:
    """How far the band reaches in these hours; None where it is not known in any."""
    hours = [24 * (begins[0] - 1) + begins[1] + n for n in range(step)]
    found = [one for n in hours if (one := week.get((n // 24 % 7 + 1, n % 24)))]
    return (on.y(min(one.low for one in found)), on.y(max(one.high for one in found))) if found else None


def _area(kind: str, run: Sequence[tuple[float, float, float]]) -> Iterator[str]:
    if len(run) > 1:
        above = [f"{x:.1f},{high:.1f}" for x, _, high in run]
        below = [f"{x:.1f},{low:.1f}" for x, low, _ in reversed(run)]
        yield f'<polygon class="{kind}" points="{" ".join([*above, *below])}"/>'


def _seen(drawn: Drawn) -> list[Span]:
    """The incidents that reach into the picture, the earliest first."""
    seen = [one for one in drawn.incidents if (one.closed or drawn.until) >= drawn.since and one.opened <= drawn.until]
    return sorted(seen, key=lambda span: span.opened)


def _spans(drawn: Drawn, on: Plane) -> Iterator[str]:
    for one in _seen(drawn):
        left, right = on.x(one.opened), on.x(one.closed or drawn.until)
        width = max(right - left, NARROWEST)
        yield f'<rect class="incident" x="{left:.1f}" y="0" width="{width:.1f}" height="{on.size.plot_height}"/>'


def _names_of_spans(drawn: Drawn, on: Plane) -> Iterator[str]:
    """Where one would run into the one before it is left out; the mark stays."""
    free = 0.0
    for one in _seen(drawn):
        # The newest, at the right edge, is moved to where its name has room.
        x = min(max(on.x(one.opened), 0.0), on.size.plot_width - len(one.name) * LETTER)
        if one.name and free <= x:
            yield _text(on.size.left + x, on.size.top - 4, one.name, "incident-text")
            free = x + len(one.name) * LETTER + 8


def runs(buckets: Sequence[Bucket]) -> list[list[Bucket]]:
    """The buckets between two gaps."""
    distances = [(after.at - before.at).total_seconds() for before, after in pairwise(buckets)]
    longest = GAP * median(distances) if distances else 0.0
    found: list[list[Bucket]] = [list(buckets[:1])] if buckets else []
    for bucket, distance in zip(buckets[1:], distances, strict=True):
        if distance > longest:
            found.append([])
        found[-1].append(bucket)
    return found


def _curve(drawn: Drawn, on: Plane) -> Iterator[str]:
    found = runs(drawn.buckets)
    for run in found:
        yield from _area("reach", [(on.x(one.at), on.y(one.lowest), on.y(one.highest)) for one in run])
    for run in found:
        if len(run) == 1:
            yield f'<circle class="dot" cx="{on.x(run[0].at):.1f}" cy="{on.y(run[0].average):.1f}" r="2.5"/>'
        else:
            points = " ".join(f"{on.x(one.at):.1f},{on.y(one.average):.1f}" for one in run)
            yield f'<polyline class="line" points="{points}"/>'


def _lines(drawn: Drawn) -> list[float]:
    """What should be in the picture beside the curve, where it is near."""
    return [*(limit for _, limit in _sides(drawn)), *(one.high for one in drawn.usual.values())]


def _sides(drawn: Drawn) -> list[tuple[str, float]]:
    return [("warn", drawn.limit.warn), ("bad", drawn.limit.bad)] if drawn.limit else []


def _limit_lines(drawn: Drawn, on: Plane) -> Iterator[str]:
    for side, limit in _sides(drawn):
        if on.shows(limit):
            y = on.y(limit)
            yield f'<line class="{side}" x1="0" x2="{on.size.plot_width}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _limit_names(drawn: Drawn, on: Plane) -> Iterator[str]:
    sides = _sides(drawn)
    # Where a limit lies beyond the picture, its name says so at the edge; the higher one stands above.
    sides.sort(key=lambda side: -side[1])
    heights = apart([min(max(on.y(limit), 0.0), float(on.size.plot_height)) for _, limit in sides], 15)
    for (side, limit), y in zip(sides, heights, strict=True):
        arrow = "" if on.shows(limit) else ("↑ " if limit > on.top else "↓ ")
        says = f"{arrow}{side} {amount(limit, drawn.unit)}"
        yield _text(on.size.left + on.size.plot_width + 8, on.size.top + y + 4, says, f"{side}-text")


def _beyond(drawn: Drawn, on: Plane) -> Iterator[str]:
    """The highest of what reaches out of the picture."""
    if not drawn.buckets:
        return
    peak = max(drawn.buckets, key=lambda bucket: bucket.highest)
    if on.shows(peak.highest):
        return
    x = on.x(peak.at)
    says, left = f"↑ {amount(peak.highest, drawn.unit)}", x > on.size.plot_width / 2
    yield _text(on.size.left + x + (-6 if left else 6), on.size.top + 14, says, "text", "end" if left else "start")
