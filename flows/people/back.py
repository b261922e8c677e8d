"""Back at the source: who sent an alert is told that its incident began, with the link to the run, and how it ended.

By the same post as people are told: tried again, and recorded once it was said or given up. An incident that is over is
not said to have begun. What comes back as a webhook of our own doing is an alert that is over, and asks for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.case.case import Ending
from flows.journal import IncidentSummary, JournalBroken
from flows.journal.theirs import Theirs
from flows.people.deliver import Letter
from flows.people.escalate import Escalator
from flows.run import settings
from flows.run.clock import now
from tasks.alerting import AlertingApi, Said
from tasks.environment import Environment
from tasks.model import CannotLook, Refused
from tasks.roster import Role

logger = logging.getLogger(__name__)

WELL = {Ending.FIXED, Ending.RECOVERED}
# What ended longer ago is no news to them either: the stack was down meanwhile.
NEWS = timedelta(days=1)
BEGAN, ENDED = "began", "ended"


@dataclass(frozen=True, kw_only=True)
class AtSource:
    """One thing at a source, as the addressee of a letter. `well` is None while its incident is open."""

    api: AlertingApi
    theirs: Theirs
    link: str
    well: bool | None

    @property
    def id(self) -> str:
        return f"source/{self.theirs.source}"

    @property
    def shown(self) -> str:
        return f"the API of {self.theirs.source}"

    def send(self, _title: str, text: str) -> bool:
        """Say it there. False: it was not taken; ask again later."""
        said = Said(sentence=text, link=self.link, well=bool(self.well))
        try:
            (self.api.began if self.well is None else self.api.ended)(self.theirs.named, said)
        except (CannotLook, Refused) as error:
            logger.warning("%s: %s %s", self.theirs.source, error.says, error.remedy)
            return False
        return True


@dataclass
class Back:
    """Remembers between looks only which incidents need none any more. `runs` stands before a run's id in its link."""

    # Of its own: a source that does not answer is no person's affair.
    teller: Escalator
    apis: Mapping[str, AlertingApi]
    runs: str
    done: set[str] = field(default_factory=set)

    def look(self) -> None:
        """One look at the incidents that are open, or ended of late. Meant to be repeated every few seconds.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        journal = self.teller.journal
        news = {one.incident: one for one in journal.incidents(limit=1000) if _is_news(one)}
        self.done &= set(news)
        found = journal.alerts.theirs([incident for incident in news if incident not in self.done])
        for incident, things in found.items():
            place = self.teller.place(news[incident].environment)
            if place is not None:
                self._carefully(news[incident], place, [one for one in things if one.source in self.apis])
        self.done |= {one.incident for one in news.values() if not one.open and one.incident not in found}
        self.teller.settle()

    def _carefully(self, summary: IncidentSummary, place: Environment, things: Sequence[Theirs]) -> None:
        """One record that was changed must not keep the others' sources from hearing."""
        try:
            self._consider(summary, place, things)
        except JournalBroken as error:
            if summary.incident not in self.teller.unusable:
                self.teller.say(f"{summary.incident}: its sources are not told. {error}")
            self.teller.unusable.add(summary.incident)

    def _consider(self, summary: IncidentSummary, place: Environment, things: Sequence[Theirs]) -> None:
        told = {entry.key for entry in self.teller.journal.read(summary.incident)} if things else set()
        waiting = [letter for letter in self._letters(summary, place, things) if letter.key not in told]
        for letter in waiting:
            if self.teller.is_time(letter.id):
                self.teller.post.send(letter)
        if not waiting and not summary.open:
            self.done.add(summary.incident)

    def _letters(self, summary: IncidentSummary, place: Environment, things: Sequence[Theirs]) -> Iterator[Letter]:
        redact = settings.redactor(place)
        well = None if summary.open else summary.verdict in WELL
        says = f"ended: {summary.verdict}." if summary.closed_at else "works on it:"
        text = redact.text(f"Incident Pipelines {says} {summary.runbook} in {place.name}.")
        for one in things:
            api = self.apis[one.source]
            # Whoever it would keep from being told there has to be told by us.
            unheard = well is None and api.quietens and not place.routes.get(Role.ON_CALL)
            if unheard or (well is False and not api.hears_of_any_end):
                continue
            yield Letter(
                key=f"told/{BEGAN if well is None else ENDED}/{one.id}",
                incident=summary.incident,
                target=AtSource(api=api, theirs=one, link=f"{self.runs}{summary.incident}", well=well),
                title=text,
                text=text,
                role=one.source,
            )


def _is_news(summary: IncidentSummary) -> bool:
    return summary.open or now() - datetime.fromisoformat(summary.closed_at) < NEWS
