"""Health: a checklist that is gone through by the clock, whether anything is wrong or not. Data only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from runbooks.cadence import Cadence
from runbooks.model import AnyCheck, Declared, Manual, Part, Verify

NOTHING = Verify(hold=timedelta(0), within=timedelta(minutes=1))


@dataclass(frozen=True)
class Ran:
    """What ran by itself since, and is only looked at here: it ended well no longer ago than `within`."""

    slug: str
    within: timedelta


@dataclass(frozen=True, kw_only=True)
class Health(Declared):
    """A checklist: its questions, what ran on its own, and what people sign off.

    All questions are asked at once, and the verdict is there and told before anybody signs. A BAD answer opens the
    runbooks that watch the same question. What the environment does not have turns nothing red. A `Manual` waits for
    its signature until `sign_off_within` after the beginning; one that nobody signed is shown again the next time.
    """

    kind: ClassVar[str] = "health"
    flow: ClassVar[str] = "health"
    by_schedule: ClassVar[bool] = True
    _needed: ClassVar[tuple[str, ...]] = ("purpose", "keywords", "questions")
    _tuples: ClassVar[tuple[str, ...]] = ("questions", "ran", "sign_offs")

    purpose: str
    cadence: Cadence
    questions: tuple[AnyCheck, ...]
    ran: tuple[Ran, ...] = ()
    # Say where each objective of the environment stands, too.
    objectives: bool = False
    sign_offs: tuple[Manual, ...] = ()
    sign_off_within: timedelta = timedelta(days=1)
    # Nothing is changed, so nothing is verified.
    verification: Verify = NOTHING

    @property
    def about(self) -> str:
        return self.purpose

    @property
    def begins(self) -> str:
        return f"{self.cadence}, in the environment's time"

    @property
    def when(self) -> dict[str, str]:
        return {"When": str(self.cadence)}

    @property
    def cron(self) -> str:
        return self.cadence.cron

    @property
    def answer_within(self) -> timedelta:
        return self.sign_off_within

    @property
    def first_asked(self) -> tuple[AnyCheck, ...]:
        return self.questions

    @property
    def parts(self) -> tuple[Part, ...]:
        return self.sign_offs

    def _contradictions(self) -> Iterator[str]:
        yield from super()._contradictions()
        yield from self._asked_contradictions("questions", self.questions)
        yield from self.cadence.contradictions()
        given: tuple[object, ...] = self.sign_offs
        for part in given:
            if not isinstance(part, Manual):
                yield f"`sign_offs` holds {part!r}, which is no Manual. A checklist changes nothing: make it a Runbook."
            elif part.when is not None:
                yield f"{part.title!r} waits for {part.when.name}, but is signed off every time. Remove `when`."
        for ran in self.ran:
            if ran.within <= timedelta(0):
                yield f"{ran.slug} is to have run within {ran.within}. Give it a time above zero."
        if self.sign_offs and self.sign_off_within <= timedelta(0):
            yield f"`sign_off_within` is {self.sign_off_within}. Give people a time above zero."
        if self.drills or self.parameters:
            yield "a checklist takes neither `drills` nor `parameters`. Remove them."
