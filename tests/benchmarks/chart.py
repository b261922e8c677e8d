"""Bars in an SVG, without a library: one panel below the other, each with its own scale and an optional limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LABELS, BAR, GAP, HEAD = 1000, 370, 16, 6, 54
# Distinguishable for everybody (Okabe and Ito).
COLOURS = {"plain": "#56B4E9", "strong": "#0072B2", "limit": "#D55E00"}


@dataclass(frozen=True, kw_only=True)
class Bar:
    label: str
    value: float
    told: str
    strong: bool = False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`limit`: where a line is drawn, in the bars' unit; `said` is what it stands for."""

    title: str
    bars: Sequence[Bar]
    limit: float | None = None
    said: str = ""

    @property
    def height(self) -> int:
        return HEAD + len(self.bars) * (BAR + GAP) + 2 * GAP


def chart(panels: Sequence[Panel]) -> str:
    """The panels as one SVG document."""
    height = sum(panel.height for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{height}" fill="white"/>'
    ]
    top = 0
    for panel in panels:
        parts += _panel(panel, top)
        top += panel.height
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(panel: Panel, top: int) -> list[str]:
    most = max([bar.value for bar in panel.bars] + [panel.limit or 0]) or 1
    room = WIDTH - LABELS - 150
    drawn = [f'<text x="10" y="{top + 22}" font-size="15" font-weight="bold">{escape(panel.title)}</text>']
    for number, bar in enumerate(panel.bars):
        y = top + HEAD + number * (BAR + GAP)
        long = max(1.0, room * bar.value / most)
        colour = COLOURS["strong" if bar.strong else "plain"]
        drawn += [
            f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{LABELS}" y="{y}" width="{long:.1f}" height="{BAR}" fill="{colour}"/>',
            f'<text x="{LABELS + long + 6:.1f}" y="{y + 12}">{escape(bar.told)}</text>',
        ]
    if panel.limit is not None:
        x, low = LABELS + room * panel.limit / most, top + panel.height - 2 * GAP
        drawn += [
            f'<line x1="{x:.1f}" y1="{top + HEAD - 8}" x2="{x:.1f}" y2="{low}" stroke="{COLOURS["limit"]}" '
            'stroke-dasharray="5 3"/>',
            f'<text x="{x:.1f}" y="{top + HEAD - 12}" text-anchor="middle" fill="{COLOURS["limit"]}">'
            f"{escape(panel.said)}</text>",
        ]
    return drawn
