"""The door to our own measurements, for whoever may let old ones go: the owner of the journal's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar, Self

from pydantic import ConfigDict, Field, model_validator

from tasks import deadline
from tasks.measurements.thinning import HOURS_KEPT, POINTS_KEPT, SHORTEST, Thinning
from tasks.model import CannotLook, Finding, Verdict
from tasks.postgres.url import Url
from tasks.system import System


class Measurements(System):
    """Every answer's number, kept by the month: point by point for so many days, by the hour for so many.

    `owner_url` may do more than this: who has it can remove what the record says, which only its anchors then show. So
    it stands in no environment unless the thinning is to run by itself; by hand it is `incident audit thin`.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "measurements"
    config_lines: ClassVar[str] = (
        "owner_url = \"${INCIDENT_JOURNAL_OWNER_URL}\"  # the journal's, as its tables' owner\n"
        "points_days = 90\nhours_days = 730"
    )

    owner_url: Url
    points_days: int = Field(default=POINTS_KEPT.days, ge=SHORTEST.days, le=3650)
    hours_days: int = Field(default=HOURS_KEPT.days, ge=SHORTEST.days, le=3650)

    @model_validator(mode="after")
    def _longer(self) -> Self:
        if self.hours_days < self.points_days:
            raise ValueError("hours_days is less than points_days: hours are what is left of old points")
        return self

    @property
    def thinning(self) -> Thinning:
        """What may go, and the letting go."""
        return Thinning(self.owner_url, timedelta(days=self.points_days), timedelta(days=self.hours_days))

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            due = self.thinning.due(deadline.now())
        except CannotLook as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        yield Finding(verdict=Verdict.OK, says=f"{len(due)} parts of {self.thinning.address} are due to be thinned.")
