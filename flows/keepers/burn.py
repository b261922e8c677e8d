"""People are told that an objective's budget burns too fast, before the month is lost, and told again when it does not.

1. The alarms of flows/told/slo.py, looked at once a minute, are recorded in a chain for each environment and objective.
2. What is for somebody to be woken by is recorded at once, and that it is over; what is for the next look, not in the
   quiet hours of P2.
3. The recoverer's alarm (flows/keepers/alarm.py) tells whoever is on call there, once each.

Where too little was measured to say how fast it burns, whatever was recorded last stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from flows.journal import Entry, HeldElsewhere, Journal
from flows.journal.kinds import Mended, Trouble
from flows.keepers.alarm import burn_chain
from flows.people.escalate import Escalator
from flows.run.clock import now
from flows.told.slo import Burn, burning, said_of
from runbooks.window import end_of_quiet
from tasks.environment import Environment
from tasks.model import Verdict
from tasks.objective import Objective
from tasks.toml import InvalidConfig

WATCHER = "objectives"
# What may wait for the next look may wait for the morning.
WAITS: Final = "P2"
REMEDY = (
    "`incident slo {environment}` shows what is left; `incident trend {check} --environment {environment}` since when."
)


@dataclass(frozen=True)
class Burning:
    """Looks at every objective of every environment; what it remembers is in the record."""

    journal: Journal
    # Knows the environments, and says once of one that it cannot be used.
    teller: Escalator
    say: Callable[[str], object]

    def look(self) -> None:
        """One look. Meant to be repeated each minute.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        try:
            names = self.teller.config().names
        except InvalidConfig as error:
            self.say(f"No objective is looked at. {error}")
            return
        for name in names:
            place = self.teller.place(name)
            if place is not None and place.objectives:
                self._look_at(place)

    def _look_at(self, place: Environment) -> None:
        with self.journal.series.together() as read:
            burns = [(one, burning(read, place.name, one, now())) for one in place.objectives]
        for objective, found in burns:
            chain = burn_chain(place.name, objective.name)
            news = _news(place, objective, found, _last(self.journal.read(chain)))
            if news is not None:
                self._record(chain, news)

    def _record(self, chain: str, news: Trouble | Mended) -> None:
        try:
            with self.journal.hold(chain) as log:
                last = _last(log.entries)
                if last is None or (last.kind, _level(last.body["title"])) != (news.kind, _level(news.title)):
                    log.append(WATCHER, f"{news.kind}/{len(log.entries)}", news)
                    self.say(f"{news.kind}: {news.title}. {news.says}")
        except HeldElsewhere:
            self.say(f"{news.kind}: {news.title}. Another recoverer records it at this moment.")


def _news(
    place: Environment, objective: Objective, burns: Sequence[Burn], last: Entry | None
) -> Trouble | Mended | None:
    """What stands by now, if it can be told; `last` is what was recorded before."""
    quiet = end_of_quiet(place.quiet_hours.get(WAITS), now(), place.time_zone) is not None
    heard = [one for one in burns if one.alarm.verdict is Verdict.BAD or not quiet]
    told = max((one for one in heard if one.told), key=lambda one: one.alarm.verdict, default=None)
    # In quiet hours only who was woken hears that it is over.
    stands = last is not None and last.is_a(Trouble) and _level(last.body["title"]) in {_name(one) for one in heard}
    if told is not None:
        return Trouble(title=_title(place, objective, told), says=_says(place, objective, burns))
    if last is not None and stands and not _undecided(burns):
        return Mended(title=str(last.body["title"]), says=said_of(burns))
    return None


def _undecided(burns: Sequence[Burn]) -> bool:
    """Too little was measured lately: silence is no health. Or it burns still, and it is a quiet hour."""
    return any(one.told or one.short is None for one in burns)


def _last(entries: Sequence[Entry]) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.is_a(Trouble, Mended)), None)


def _name(burn: Burn) -> str:
    return burn.alarm.verdict.name


def _level(title: object) -> str:
    """Which alarm it tells of. Not the whole title: the record may hold a part of it masked."""
    return str(title).partition(" ")[0]


def _title(place: Environment, objective: Objective, burn: Burn) -> str:
    how = f"burns more than {burn.alarm.rate:g}× too fast"
    return f"{_name(burn)} {place.name}: the budget of “{objective.name}” {how}"


def _says(place: Environment, objective: Objective, burns: Sequence[Burn]) -> str:
    remedy = REMEDY.format(environment=place.name, check=objective.check)
    return f"{objective.name}: {said_of(burns)}\n\n{remedy}"
