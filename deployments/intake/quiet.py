"""Quiet hours: while a window is open, what fits opens nothing, unless it is P0; afterwards it is taken again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flows.journal.holding import Held
from flows.opening.alert import Alert
from runbooks.window import Day, Window


def _days(told: object) -> object:
    if not isinstance(told, list):
        return told
    known = {day.name.lower(): day for day in Day}
    unknown = [day for day in told if str(day).lower() not in known]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no day; write one of {', '.join(map(str, Day))}")
    return tuple(known[str(day).lower()] for day in told)


class Quiet(BaseModel):
    """Alerts that fit all that is said here wait for the window's end, read in the environment's own time zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    source: str = ""
    service: str = ""
    name: str = ""
    start: time
    hours: Annotated[float, Field(gt=0, lt=24)]
    days: Annotated[tuple[Day, ...], BeforeValidator(_days)] = tuple(Day)
    why: str = "quiet hours"

    @property
    def window(self) -> Window:
        return Window(start=self.start, length=timedelta(hours=self.hours), days=self.days)

    @model_validator(mode="after")
    def _declared_well(self) -> Quiet:
        if wrong := next(self.window.contradictions(), ""):
            raise ValueError(wrong)
        return self

    def fits(self, alert: Alert, environment: str) -> bool:
        """Is it meant?"""
        wanted = (self.source, self.service, self.name)
        has = (alert.source, alert.service, alert.name)
        return environment == self.environment and all(a in ("", b) for a, b in zip(wanted, has, strict=True))


def quiet(
    alert: Alert, environment: str, moment: datetime, windows: Iterable[Quiet], zones: Mapping[str, str]
) -> Held | None:
    """The window that holds it back at `moment`; `zones` by environment."""
    for one in windows:
        if one.fits(alert, environment) and (found := one.window.open_at(moment, zones[environment])):
            until = f"{found.ends:%Y-%m-%d %H:%M}"
            return Held(until=found.ends, why=f"Held back until {until} UTC: {one.why}, {one.window}.")
    return None
