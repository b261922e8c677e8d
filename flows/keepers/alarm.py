"""People are told that schedules begin nothing, and told again when they do: the on-call of every environment. And that
a watch there cannot look (flows/keepers/blind.py), or an objective's budget burns (flows/keepers/burn.py): the on-call
of that one.

1. A trouble that stands for two looks is recorded, in a chain of its own (`clock/no-runs`), and then told.
2. One that is gone for two looks is recorded as mended, and that is told, too.
3. What was told is in that chain, so a recoverer that is started again tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from flows.journal import Entry, HeldElsewhere, Journal, kinds
from flows.keepers.clock import ALL, NO_ANSWER, Clock, Trouble
from flows.people.escalate import END, NEWS, Escalator, Message
from flows.run.clock import now
from tasks.toml import InvalidConfig

WATCHER = "clock"
BLIND = "blind"
BURN = "burn"
OVER = "It is over; nothing is left to do about it."


def blind_chain(environment: str, check: str) -> str:
    """Where it stands whether a watch can look."""
    return f"{BLIND}/{environment}/{check}"


def burn_chain(environment: str, objective: str) -> str:
    """Where it stands whether an objective's budget burns too fast. Its name is free text, and may hold a slash."""
    return f"{BURN}/{environment}/{quote(objective, safe='')}"


@dataclass
class Alarm:
    """Remembers between looks only what stood at the last one; nothing, before there was one."""

    journal: Journal
    # Of its own: a message that waits here is no other thread's affair.
    teller: Escalator
    clock: Callable[[], Clock]
    say: Callable[[str], object]
    # Done at each look that finds no trouble.
    well: Callable[[], object] = bool
    before: frozenset[str] | None = None

    def look(self) -> None:
        """One look. Meant to be repeated a few times a minute.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        seen = {trouble.key: trouble for trouble in self.clock().troubles}
        # While Prefect does not answer nobody knows how the rest is: it stays as it was.
        blind = (self.before or frozenset()) if NO_ANSWER in seen else frozenset[str]()
        for key in ALL:
            entries = self._recorded(key, seen.get(key), unknown=NO_ANSWER in seen and key != NO_ANSWER)
            self._tell(f"clock/{key}", entries, self._places())
        for kind in (BLIND, BURN):
            for chain in self.journal.beginning(f"{kind}/"):
                environment = chain.removeprefix(f"{kind}/").rpartition("/")[0]
                self._tell(chain, self.journal.read(chain), [environment])
        self.before = frozenset(seen) | blind
        self.teller.settle()
        if not seen:
            self.well()

    def _recorded(self, key: str, trouble: Trouble | None, *, unknown: bool) -> Sequence[Entry]:
        """The chain of this trouble, with what this look adds to it."""
        chain, before = f"clock/{key}", self.before
        entries = self.journal.read(chain)
        last = _last(entries)
        stands = last is not None and last.is_a(kinds.Trouble)
        if trouble and not stands and before and key in before:
            return self._add(chain, kinds.Trouble(title=trouble.title, says=f"{trouble.says}\n\n{trouble.remedy}"))
        if last and stands and not trouble and not unknown and before is not None and key not in before:
            return self._add(chain, kinds.Mended(title=str(last.body["title"]), says=OVER))
        return entries

    def _add(self, chain: str, told: kinds.Trouble | kinds.Mended) -> Sequence[Entry]:
        try:
            with self.journal.hold(chain) as log:
                last = _last(log.entries)
                # Another recoverer may have been first.
                if last is None or last.kind != told.kind:
                    log.append(WATCHER, f"{told.kind}/{len(log.entries)}", told)
                    self.say(f"{told.kind}: {told.title}. {told.says}")
        except HeldElsewhere:
            self.say(f"{told.kind}: {told.title}. Another recoverer records it at this moment.")
        return self.journal.read(chain)

    def _tell(self, chain: str, entries: Sequence[Entry], places: Iterable[str]) -> None:
        message = _due(_last(entries))
        told = {entry.key for entry in entries}
        for name in places if message else ():
            place = self.teller.place(name)
            if place is not None and message is not None:
                self.teller.tell(chain, place, [message], told)

    def _places(self) -> Iterable[str]:
        try:
            return self.teller.config().names
        except InvalidConfig as error:
            self.say(f"Nobody is told. {error}")
            return ()


def _last(entries: Sequence[Entry]) -> Entry | None:
    """The last entry that is no note of who was told."""
    return next((entry for entry in reversed(entries) if entry.is_a(kinds.Trouble, kinds.Mended)), None)


def _due(last: Entry | None) -> Message | None:
    """What people should know: that it stands, as long as it does; then, for a while, that it is over."""
    if last is None or (last.is_a(kinds.Mended) and now() - datetime.fromisoformat(last.at) > NEWS):
        return None
    title = str(last.body["title"])
    return Message(
        key=last.key,
        role=END[0],
        title=f"Incident Pipelines: {title}" if last.is_a(kinds.Trouble) else f"Mended: {title}",
        text=str(last.body["says"]),
    )
