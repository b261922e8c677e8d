"""The daily figures of a campaign: which of them are kept, which days lack them, and what its mails came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tasks.application.analytics.queries import GAPS, RECOMPUTED
from tasks.application.days import day_before
from tasks.application.system import ApplicationDatabase
from tasks.model import Json, Row
from tasks.postgres.session import Session
from tasks.postgres.values import number

# So far back is looked: an updater that is off for a fortnight is missed before that.
DAYS = 14
# The figures, and what must be mapped before one can be counted anew.
FIGURES: Mapping[str, tuple[str, str]] = {
    "sent": ("sent", ""),
    "opened": ("opened", "events.types.open"),
    "clicked": ("clicked", "events.types.click"),
    "unsubscribed": ("unsubscribed", "events.types.unsubscribe"),
    "open_rate": ("opened", "events.types.open"),
    "click_rate": ("clicked", "events.types.click"),
    "unsubscribe_rate": ("unsubscribed", "events.types.unsubscribe"),
}
Figures = Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A day of a campaign that lacks figures. `was`: what its row holds, as texts; None: there is no row."""

    campaign: str
    day: str
    name: str
    mails: int
    # How many days of this campaign lack figures, and how many days of campaigns there are in all.
    days: int
    total: int
    was: Figures | None

    @property
    def target(self) -> Row:
        return {"campaign": self.campaign, "day": self.day, "was": dict(self.was) if self.was is not None else None}


def kept(application: ApplicationDatabase) -> list[str]:
    """The figures that are mapped and can be counted anew from mails and events."""
    can = application.knows("{events} {events.send} {sends.id}")
    return [
        figure
        for figure, (_, needs) in FIGURES.items()
        if application.knows(f"{{analytics.{figure}}}") and (not needs or (can and application.knows(f"{{{needs}}}")))
    ]


def gaps(application: ApplicationDatabase, now: datetime, time_zone: str, most: int) -> list[Gap]:
    """The days up to yesterday, at most so many, whose figures are missing; the campaign that lacks most comes first.

    Raises:
        Refused: what this asks about is not mapped; CannotLook: no answer.
    """
    yesterday = day_before(now, time_zone)
    first = day_before(now, time_zone, DAYS)
    fields = kept(application)
    query = with_figures(GAPS, fields, "f")
    rows = application.rows(query, since=first.since, until=yesterday.until, time_zone=time_zone, most=most)
    return [
        Gap(
            campaign=str(row["campaign"]),
            day=str(row["day"]),
            name=str(row.get("name") or row["campaign"]),
            mails=int(number(row["mails"])),
            days=int(number(row["days"])),
            total=int(number(row["total"])),
            was=texts(row, fields) if row["there"] else None,
        )
        for row in rows
    ]


def with_figures(query: str, fields: Sequence[str], table: str) -> str:
    """`query` with what those figures are asked, compared and written by; `table` is what it calls their table."""
    column = "{analytics.%s}"
    parts = {
        "held": "".join(f", {table}.{column % one}::text AS {one}" for one in fields),
        "incomplete": " OR ".join(f"{table}.{column % one} IS NULL" for one in fields) or "false",
        "set": ", ".join(f"{column % one} = coalesce(t.{column % one}, w.{column % one})" for one in fields),
        "unchanged": " AND ".join(
            f"t.{column % one}::text IS NOT DISTINCT FROM (e.one -> 'was' ->> '{one}')" for one in fields
        ),
    }
    for name, text in parts.items():
        query = query.replace(f"{{{name}}}", text)
    return query


def recomputed(
    session: Session, application: ApplicationDatabase, days: Sequence[Row], fields: Sequence[str], time_zone: str
) -> dict[tuple[str, str], Row]:
    """What the mails of these days come to now, by our names for the columns; a day without mails has none.

    Raises:
        CannotLook, Refused: no answer.
    """
    percent = application.analytics is None or application.analytics.unit == "percent"
    query = application.filled(RECOMPUTED)
    found: dict[tuple[str, str], Row] = {}
    for row in session.run(query, rows=as_keys(application, days), time_zone=time_zone):
        sent = number(row["sent"])
        figures: dict[str, Json] = {
            one: number(row[FIGURES[one][0]]) / sent * (100 if percent else 1)
            if one.endswith("_rate")
            else int(number(row[FIGURES[one][0]]))
            for one in fields
        }
        if row.get("organization") is not None and application.knows("{analytics.organization}"):
            figures["organization"] = str(row["organization"])
        found[str(row["campaign"]), str(row["day"])] = figures
    return found


def as_keys(application: ApplicationDatabase, days: Sequence[Row]) -> str:
    """The campaign and day of each, as a statement reads them."""
    return json.dumps([by_columns(application, {"campaign": one["campaign"], "date": one["day"]}) for one in days])


def by_columns(application: ApplicationDatabase, fields: Row) -> Row:
    """By the names of their columns."""
    return {application.column(f"analytics.{name}")[2]: value for name, value in fields.items()}


def texts(row: Row, fields: Sequence[str]) -> dict[str, str | None]:
    """What a row holds, as texts."""
    return {one: None if row[one] is None else str(row[one]) for one in fields}
