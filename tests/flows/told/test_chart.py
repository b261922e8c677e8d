"""Does a picture show what was measured, and nothing that was not?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from flows.journal.series import Bucket
from flows.told.calendar import marks
from flows.told.chart import Drawn, Span, chart, runs
from flows.told.plane import LARGE, SMALL
from flows.told.usual import Usual
from tasks.model import Threshold

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
UNTIL = datetime(2026, 11, 25, 12, tzinfo=UTC)
SINCE = UNTIL - 30 * DAY
SVG = "{http://www.w3.org/2000/svg}"
LIMIT = Threshold(warn=0.6, bad=1.0, because="Owner: nobody.")


def bucket(n: int, value: float = 0.4, number: int = 12) -> Bucket:
    return Bucket(at=SINCE + n * HOUR, lowest=value * 0.8, average=value, highest=value * 1.25, number=number)


def drawn(buckets: Sequence[Bucket], **more: Any) -> Drawn:
    return Drawn(**{"title": "t", "unit": "s", "since": SINCE, "until": UNTIL, "buckets": buckets, **more})


def picture(buckets: Sequence[Bucket], **more: Any) -> ElementTree.Element:
    return ElementTree.fromstring(chart(drawn(buckets, **more)))  # noqa: S314 - our own


def texts(root: ElementTree.Element) -> list[str]:
    return [str(text.text) for text in root.iter(f"{SVG}text")]


def of_class(root: ElementTree.Element, kind: str, tag: str) -> list[ElementTree.Element]:
    return [found for found in root.iter(f"{SVG}{tag}") if found.get("class") == kind]


def test_it_draws_no_line_across_a_gap() -> None:
    buckets = [bucket(n) for n in range(720) if not 300 <= n < 360]
    curves = of_class(picture(buckets), "line", "polyline")
    assert [len(str(curve.get("points")).split()) for curve in curves] == [300, 360]
    assert [len(run) for run in runs([bucket(n) for n in (0, 6, 12, 18)])] == [4]  # asked every six hours: no gap
    assert [len(run) for run in runs([bucket(n) for n in (0, 1, 2, 3, 5, 9)])] == [5, 1]
    assert runs([]) == []


def test_it_draws_one_point_as_a_dot() -> None:
    root = picture([bucket(100)])
    assert (len(of_class(root, "dot", "circle")), len(of_class(root, "line", "polyline"))) == (1, 0)


def test_it_says_that_nothing_was_measured() -> None:
    root = picture([], limit=LIMIT)
    assert "Nothing was measured here." in texts(root)
    assert {"warn 600 ms", "bad 1 s"} <= set(texts(root))


def test_it_says_numbers_in_their_unit() -> None:
    assert {"0 %", "20 %", "40 %"} <= set(texts(picture([bucket(n, 0.05 * n) for n in range(9)], unit="ratio")))
    assert "2 GiB" in texts(picture([bucket(n, 5e8 * n) for n in range(9)], unit="bytes"))


@pytest.mark.parametrize(
    ("value", "unit", "highest"), [(60.0, "1/h", "60"), (60.0, "connections", "60"), (6e4, "connections", "60,000")]
)
def test_it_says_the_number_alone_where_its_unit_has_no_room(value: float, unit: str, highest: str) -> None:
    small = picture([bucket(1, value / 2), bucket(2, value)], unit=unit, size=SMALL)
    ticks = [text for text in texts(small) if text[0].isdigit()]
    assert highest in ticks, ticks
    assert all(len(text) <= 6 for text in ticks)


@pytest.mark.parametrize("value", [0.0, 5.0, -3.0, 1e-9, 1e15])
def test_it_draws_a_constant_inside_the_picture(value: float) -> None:
    flat = [Bucket(at=SINCE + n * HOUR, lowest=value, average=value, highest=value, number=1) for n in range(9)]
    [curve] = of_class(picture(flat), "line", "polyline")
    heights = {float(point.partition(",")[2]) for point in str(curve.get("points")).split()}
    assert len(heights) == 1
    assert 0 <= heights.pop() <= LARGE.plot_height


def test_it_lets_a_peak_reach_beyond_and_says_how_high() -> None:
    buckets = [bucket(n, 40.0 if n == 200 else 0.4) for n in range(720)]
    root = picture(buckets, limit=LIMIT)
    assert "↑ 50 s" in texts(root)
    lines = {kind: of_class(root, kind, "line") for kind in ("warn", "bad")}
    assert all(0 < float(str(line.get("y1"))) < LARGE.plot_height for [line] in lines.values())


def test_it_says_at_the_edge_how_far_a_limit_is() -> None:
    root = picture([bucket(n, 0.01) for n in range(9)], limit=LIMIT)
    assert [text for text in texts(root) if "↑" in text] == ["↑ bad 1 s", "↑ warn 600 ms"]
    assert of_class(root, "bad", "line") == []


def test_it_keeps_the_names_of_near_limits_apart() -> None:
    near = Threshold(warn=0.5, bad=0.501, because="Owner: nobody.")
    root = picture([bucket(n) for n in range(9)], limit=near)
    [warn, bad] = [float(str(of_class(root, f"{side}-text", "text")[0].get("y"))) for side in ("warn", "bad")]
    assert warn - bad >= 15


def test_it_marks_incidents_and_keeps_their_names_apart() -> None:
    spans = [
        Span(opened=SINCE + 3 * DAY, closed=SINCE + 3 * DAY + HOUR, name="P1 aaaaaaaa"),
        Span(opened=SINCE + 3 * DAY + 2 * HOUR, closed=SINCE + 4 * DAY, name="P1 bbbbbbbb"),
        Span(opened=UNTIL - HOUR, closed=None, name="P0 cccccccc"),
        Span(opened=SINCE - 9 * DAY, closed=SINCE - 8 * DAY, name="P0 long ago"),
    ]
    root = picture([bucket(n) for n in range(720)], incidents=spans)
    marks_of = [one for one in of_class(root, "incident", "rect") if one.get("height") == str(LARGE.plot_height)]
    assert len(marks_of) == 3
    # An hour of thirty days is a pixel; and one that is open goes on to the edge.
    assert [float(str(one.get("width"))) >= 3 for one in marks_of] == [True, True, True]
    named = [str(one.text) for one in of_class(root, "incident-text", "text")]
    assert ("P1 aaaaaaaa" in named, "P1 bbbbbbbb" in named, "P0 cccccccc" in named) == (True, False, True)


def test_it_leaves_a_hole_in_the_band_where_nothing_is_usual() -> None:
    one = Usual(low=0.3, median=0.4, high=0.5, number=48, weeks=4)
    week = {(day, hour): one for day in range(1, 8) for hour in range(24) if day != 7}
    assert len(of_class(picture([bucket(1)], usual=week), "usual", "polygon")) == 5
    assert of_class(picture([bucket(1)]), "usual", "polygon") == []
    # Of a year, the twelve weeks that it is told from.
    [*bands] = of_class(picture([bucket(1)], usual=week, since=UNTIL - 365 * DAY), "usual", "polygon")
    first = min(float(point.partition(",")[0]) for band in bands for point in str(band.get("points")).split())
    assert first == pytest.approx(LARGE.plot_width * (365 - 84) / 365, abs=1)


def test_it_is_the_same_to_the_byte_and_loads_nothing() -> None:
    buckets = [bucket(n) for n in range(720)]
    first = chart(drawn(buckets, limit=LIMIT, incidents=[Span(opened=SINCE, closed=None, name="P0 a")]))
    assert first == chart(drawn(list(buckets), limit=LIMIT, incidents=[Span(opened=SINCE, closed=None, name="P0 a")]))
    assert re.findall(r"https?://[^\"]*", first) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<image|href|url\(|@import| id=", first)


def test_it_shows_other_peoples_words_as_words() -> None:
    hostile = '<script>alert("x")</script>\x1b[31m & co'
    root = picture([bucket(1)], title=hostile, incidents=[Span(opened=SINCE, closed=None, name="<b>")])
    assert any(text.startswith('<script>alert("x")</script>\\x1b[31m') for text in texts(root))
    assert list(root.iter(f"{SVG}script")) == []


def names(since: datetime, until: datetime, zone: str = "UTC") -> list[str]:
    return [name for _, name in marks(since, until, zone)]


@pytest.mark.parametrize(
    ("days", "first", "count"),
    [
        *[(1 / 24, "12:00", 1), (1, "15:00", 8), (3, "Mon 23 Nov", 6), (7, "Thu 19 Nov", 7), (14, "Thu 12 Nov", 7)],
        *[(30, "Mon 2 Nov", 4), (90, "Sep 2026", 3), (365, "Jan 2026", 6), (730, "Jan 2025", 8)],
    ],
)
def test_it_marks_a_stretch_by_what_people_count_in(days: float, first: str, count: int) -> None:
    found = names(UNTIL - days * DAY, UNTIL)
    assert (found[0], len(found)) == (first, count)


def test_it_marks_the_day_that_has_twenty_five_hours() -> None:
    since, until = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)
    found = marks(since, until, "Europe/Berlin")
    assert [name for _, name in found] == ["03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "Mon 26 Oct"]
    # Three in the morning is four hours after midnight; the others are three hours apart.
    at = [moment.astimezone(UTC) for moment, _ in found]
    assert [after - before for before, after in pairwise([since, *at])] == [4 * HOUR, *[3 * HOUR] * 7]
    days = marks(datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 10, 27, 23, tzinfo=UTC), "Europe/Berlin")
    assert all((moment - days[0][0]) / DAY >= 0 for moment, _ in days)
    assert LARGE.plot_width > 600
