"""People are told that an objective's budget burns too fast, before the month is lost, and told again when it does not.

1. The alarms of flows/told/slo.py, looked at once a minute, are recorded in a chain for each environment and objective.
2. What is for somebody to be woken by is recorded at once; what is for the next look, not in quiet hours of P2.
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
from flows.run.clock import now
from flows.told.slo import Burn, burning, said_of
from runbooks.window import end_of_quiet
from tasks.config import Config
from tasks.environment import Environment
from tasks.model import Verdict
from tasks.objective import Objective
from tasks.toml import InvalidConfig

WATCHER = "objectives"
# Who may wait for the next look may wait for the morning.
WAITS: Final = "P2"
REMEDY = (
    "`incident slo {environment}` shows what is left; `incident trend {check} --environment {environment}` since when."
)


@dataclass(frozen=True)
class Burning:
    """Looks at every objective of every environment; what it remembers is in the record."""

    journal: Journal
    config: Callable[[], Config]
    say: Callable[[str], object]

    def look(self) -> None:
        """One look. Meant to be repeated each minute.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        try:
            config = self.config()
        except InvalidConfig as error:
            self.say(f"No objective is looked at. {error}")
            return
        for name in config.names:
            self._look_at(config, name)

    def _look_at(self, config: Config, name: str) -> None:
        try:
            place = config.environment(name)
        except InvalidConfig as error:
            self.say(f"The objectives of {name} are not looked at. {error}")
            return
        if not place.objectives:
            return
        with self.journal.series.together() as read:
            burns = [(one, burning(read, name, one, now())) for one in place.objectives]
        for objective, found in burns:
            self._heed(place, objective, found)

    def _heed(self, place: Environment, objective: Objective, burns: Sequence[Burn]) -> None:
        chain = burn_chain(place.name, objective.name)
        told = _told(place, burns)
        last = _last(self.journal.read(chain))
        stands = last is not None and last.is_a(Trouble)
        if told is not None:
            entry: Trouble | Mended = Trouble(title=_title(place, objective, told), says=_says(place, objective, burns))
        elif stands and not _undecided(burns):
            entry = Mended(title=str(last.body["title"]) if last else "", says=said_of(burns))
        else:
            return
        if last is None or (last.kind, last.body["title"]) != (entry.kind, entry.title):
            self._record(chain, entry)

    def _record(self, chain: str, entry: Trouble | Mended) -> None:
        try:
            with self.journal.hold(chain) as log:
                last = _last(log.entries)
                # Another recoverer may have been first.
                if last is None or (last.kind, last.body["title"]) != (entry.kind, entry.title):
                    log.append(WATCHER, f"{entry.kind}/{len(log.entries)}", entry)
                    self.say(f"{entry.kind}: {entry.title}. {entry.says}")
        except HeldElsewhere:
            self.say(f"{entry.kind}: {entry.title}. Another recoverer records it at this moment.")


def _told(place: Environment, burns: Sequence[Burn]) -> Burn | None:
    """The worst alarm that people are to hear of now."""
    quiet = end_of_quiet(place.quiet_hours.get(WAITS), now(), place.time_zone)
    heard = [one for one in burns if one.told and (one.alarm.verdict is Verdict.BAD or quiet is None)]
    return max(heard, key=lambda one: one.alarm.verdict, default=None)


def _undecided(burns: Sequence[Burn]) -> bool:
    """Too little was measured lately: silence is no health. Or it burns still, and it is a quiet hour."""
    return any(one.told or one.short is None for one in burns)


def _last(entries: Sequence[Entry]) -> Entry | None:
    return next((entry for entry in reversed(entries) if entry.is_a(Trouble, Mended)), None)


def _title(place: Environment, objective: Objective, burn: Burn) -> str:
    how = f"burns more than {burn.alarm.rate:g}× too fast"
    return f"{burn.alarm.verdict.name} {place.name}: the budget of “{objective.name}” {how}"


def _says(place: Environment, objective: Objective, burns: Sequence[Burn]) -> str:
    remedy = REMEDY.format(environment=place.name, check=objective.check)
    return f"{objective.name}: {said_of(burns)}\n\n{remedy}"
