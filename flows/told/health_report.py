"""A checklist's report: one HTML file that shows what was found on four dashboards, with thirty days of each number.

It is a function of the record and the series, which only grow, so it is not kept itself: it can be made again at any
time. It loads nothing and runs nothing, and a browser is told to refuse both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from flows.journal import Entry, kinds
from flows.told.chart import STYLE, Drawn, within
from flows.told.dashboards import Dashboard
from flows.told.plane import SMALL
from flows.told.show import SENTENCE
from flows.told.slo import Standing, said
from flows.told.units import amount
from flows.told.words import cut, plain
from tasks.model import Verdict


@dataclass(frozen=True, kw_only=True)
class Gone:
    """A checklist that was gone through, and what is known beside its record.

    `belongs` and `curves` are by the check's name; a check that is in neither is health, and without a picture.
    `zone` is the clock on the wall there.
    """

    entries: Sequence[Entry]
    checked: Entry
    since: datetime
    until: datetime
    zone: str
    belongs: Mapping[str, Dashboard]
    curves: Mapping[str, Drawn]
    objectives: Sequence[Standing] = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """One answer as it is shown; without a `picture` nothing was measured of it."""

    key: str
    verdict: str
    what: str
    says: str
    to_do: str
    picture: Markup | None = None
    range: str = ""


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard: the answers with a picture, those without, and how many are well."""

    name: str
    drawn: Sequence[Line]
    plain: Sequence[Line]

    @property
    def verdict(self) -> str:
        return max((Verdict[line.verdict] for line in (*self.drawn, *self.plain)), default=Verdict.OK).name

    @property
    def count(self) -> str:
        lines = [*self.drawn, *self.plain]
        return f"{sum(line.verdict == Verdict.OK.name for line in lines)} of {len(lines)} OK"


def page(gone: Gone) -> str:
    """The whole file."""
    opened, body = _body(gone.entries[0]), _body(gone.checked)
    lines = [_line(gone, item) for item in body["items"]]
    asked = {line.key for line in lines if f"diagnosis/{line.key}" in {entry.key for entry in gone.entries}}
    answers = [line for line in lines if line.key in asked]
    return _template().render(
        style=Markup(STYLE),  # noqa: S704 - a constant of ours
        opened=opened,
        checked=body,
        at=f"{gone.until.astimezone(ZoneInfo(gone.zone)):%A, %-d %B %Y, %H:%M} ({gone.zone})",
        ill=[line for line in lines if line.verdict != Verdict.OK.name],
        boards=list(_boards(gone, answers)),
        ran=[line for line in lines if line.key.startswith("ran ")],
        waits=[line for line in lines if line.key not in asked and not line.key.startswith("ran ")],
        signatures=list(_signatures(gone.entries)),
        objectives=[{"verdict": one.verdict.name, "says": said(one)} for one in gone.objectives],
        incident=gone.checked.incident,
        hash=gone.checked.hash,
        days=(gone.until - gone.since).days,
    )


@cache
def _template() -> Template:
    surroundings = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    return surroundings.get_template("health_report.html")


def _shown(value: object) -> object:
    """Every word that is put in: other people's control characters become visible, and a page is not filled by one."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else plain(cut(value, SENTENCE))


def _body(entry: Entry) -> Mapping[str, Any]:
    return entry.body


def _line(gone: Gone, item: Mapping[str, Any]) -> Line:
    drawn = gone.curves.get(item["key"])
    told: dict[str, Any] = {name: str(item[name]) for name in ("key", "verdict", "what", "says", "to_do")}
    if drawn is None or not drawn.buckets:
        return Line(**told)
    reach = _range(drawn)
    size = SMALL if drawn.limit else replace(SMALL, right=14)
    picture = within(replace(drawn, title=f"{drawn.title}: {reach}", size=size))
    return Line(**told, picture=Markup(picture), range=reach)  # noqa: S704 - it escapes what it shows


def _range(drawn: Drawn) -> str:
    number = sum(one.number for one in drawn.buckets)
    low, high = min(one.lowest for one in drawn.buckets), max(one.highest for one in drawn.buckets)
    average = sum(one.average * one.number for one in drawn.buckets) / number
    return f"{amount(low, drawn.unit)} to {amount(high, drawn.unit)}, {amount(average, drawn.unit)} on the average"


def _boards(gone: Gone, answers: Sequence[Line]) -> Iterator[Board]:
    for dashboard in Dashboard:
        mine = [line for line in answers if gone.belongs.get(line.key, Dashboard.HEALTH) is dashboard]
        yield Board(
            name=dashboard.value,
            drawn=[line for line in mine if line.picture],
            plain=[line for line in mine if not line.picture],
        )


def _signatures(entries: Sequence[Entry]) -> Iterator[Mapping[str, str]]:
    """What people sign off, as far as the run came: one after the other."""
    closed = {str(entry.body["title"]): entry.body for entry in entries if entry.is_a(kinds.Step)}
    titles = [str(entry.body["title"]) for entry in entries if entry.is_a(kinds.Asked, kinds.Step)]
    for title in dict.fromkeys(titles):
        body = closed.get(title, {"fate": "waits", "says": "Nobody has signed it yet."})
        yield {"title": title, "fate": str(body["fate"]), "says": str(body["says"])}
