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
from flows.told.plane import HEIGHT, LEFT, PLOT_HEIGHT, PLOT_WIDTH, TOP, WIDTH, Plane, apart, plane
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
@media(prefers-color-scheme:dark){
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


def chart(drawn: Drawn) -> str:
    """The picture as an SVG document; the same bytes for the same data."""
    on = plane(drawn.since, drawn.until, drawn.buckets, drawn.unit, _lines(drawn))
    title = plain(drawn.title)
    span = " – ".join(f"{at.astimezone(ZoneInfo(drawn.zone)):%-d %b %Y}" for at in (drawn.since, drawn.until))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img"><title>{escape(title)}, {span}</title><style>{STYLE}</style>',
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(LEFT, 24, title if len(title) <= LONGEST else f"{title[: LONGEST - 1]}…", "head"),
        _text(WIDTH - 14, 24, f"{span}, {drawn.zone}", "faint", "end"),
        *_legend(drawn),
        *_scales(drawn, on),
        # A picture in the picture: what reaches beyond it is cut off without a name that could clash.
        f'<svg x="{LEFT}" y="{TOP}" width="{PLOT_WIDTH}" height="{PLOT_HEIGHT}">',
        *_usual(drawn, on),
        *_spans(drawn, on),
        *_curve(drawn, on),
        *_limit_lines(drawn, on),
        "</svg>",
        *_names_of_spans(drawn, on),
        *_limit_names(drawn, on),
        *_beyond(drawn, on),
    ]
    if not drawn.buckets:
        x, y = LEFT + PLOT_WIDTH / 2, TOP + PLOT_HEIGHT / 2
        parts.append(f'<rect class="paper" x="{x - 100:.1f}" y="{y - 18:.1f}" width="200" height="28"/>')
        parts.append(_text(x, y, "Nothing was measured here.", "faint", "middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, kind: str = "text", anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(drawn: Drawn) -> Iterator[str]:
    several = any(bucket.number > 1 for bucket in drawn.buckets)
    keys = [("line", "average" if several else "measured")] if drawn.buckets else []
    keys += [("reach", "lowest to highest")] if several else []
    keys += [("usual", "usual at this hour of the week")] if drawn.usual else []
    keys += [("incident", "incident")] if _seen(drawn) else []
    x = float(LEFT)
    for kind, name in keys:
        if kind == "line":
            yield f'<line class="line" x1="{x:.1f}" x2="{x + 16:.1f}" y1="40" y2="40"/>'
        else:
            yield f'<rect class="{kind}" x="{x:.1f}" y="34" width="16" height="12"/>'
        yield _text(x + 22, 44, name, "faint")
        x += 22 + len(name) * LETTER + 18


def _scales(drawn: Drawn, on: Plane) -> Iterator[str]:
    for tick in on.ticks:
        y = TOP + on.y(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{LEFT + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield _text(LEFT - 8, y + 4, on.scale.says(tick), "text", "end")
    for at, name in marks(drawn.since, drawn.until, drawn.zone):
        x = LEFT + on.x(at)
        bottom = TOP + PLOT_HEIGHT
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom + 5}"/>'
        yield _text(x, bottom + 20, name, "text", "middle")


def _usual(drawn: Drawn, on: Plane) -> Iterator[str]:
    zone, hour = ZoneInfo(drawn.zone), timedelta(hours=1)
    # What is usual of late was not always so.
    at = max(drawn.since, drawn.until - USUAL_FROM).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    run: list[tuple[float, float, float]] = []
    while drawn.usual and at < drawn.until:
        local = at.astimezone(zone)
        usual = drawn.usual.get((local.isoweekday(), local.hour))
        if usual is None:
            yield from _area("usual", run)
            run = []
        else:
            run += [(on.x(moment), on.y(usual.low), on.y(usual.high)) for moment in (at, at + hour)]
        at += hour
    yield from _area("usual", run)


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
        yield f'<rect class="incident" x="{left:.1f}" y="0" width="{width:.1f}" height="{PLOT_HEIGHT}"/>'


def _names_of_spans(drawn: Drawn, on: Plane) -> Iterator[str]:
    """Where one would run into the one before it is left out; the mark stays."""
    free = 0.0
    for one in _seen(drawn):
        # The newest, at the right edge, is moved to where its name has room.
        x = min(max(on.x(one.opened), 0.0), PLOT_WIDTH - len(one.name) * LETTER)
        if one.name and free <= x:
            yield _text(LEFT + x, TOP - 4, one.name, "incident-text")
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
            yield f'<line class="{side}" x1="0" x2="{PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _limit_names(drawn: Drawn, on: Plane) -> Iterator[str]:
    sides = _sides(drawn)
    # Where a limit lies beyond the picture, its name says so at the edge; the higher one stands above.
    sides.sort(key=lambda side: -side[1])
    heights = apart([min(max(on.y(limit), 0.0), float(PLOT_HEIGHT)) for _, limit in sides], 15)
    for (side, limit), y in zip(sides, heights, strict=True):
        arrow = "" if on.shows(limit) else ("↑ " if limit > on.top else "↓ ")
        says = f"{arrow}{side} {amount(limit, drawn.unit)}"
        yield _text(LEFT + PLOT_WIDTH + 8, TOP + y + 4, says, f"{side}-text")


def _beyond(drawn: Drawn, on: Plane) -> Iterator[str]:
    """The highest of what reaches out of the picture."""
    if not drawn.buckets:
        return
    peak = max(drawn.buckets, key=lambda bucket: bucket.highest)
    if on.shows(peak.highest):
        return
    x = on.x(peak.at)
    says, left = f"↑ {amount(peak.highest, drawn.unit)}", x > PLOT_WIDTH / 2
    yield _text(LEFT + x + (-6 if left else 6), TOP + 14, says, "text", "end" if left else "start")
