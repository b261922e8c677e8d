"""Keep the record provable: seal what grew, anchor the newest seal elsewhere, and tell people of one each day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flows.journal import AnchorFile, Bucket, CannotAnchor, Journal, NotAnchors, Place, Seal
from flows.people.tell import Target
from tasks.config import Config, Keeping
from tasks.toml import InvalidConfig

# How much of a moment, as the journal writes it, names the hour or the day.
PERIODS = {"hour": 13, "day": 10}


def places(keeping: Keeping) -> list[Place]:
    """Where the configuration wants anchors."""
    return [Bucket(text) if text.startswith("s3://") else AnchorFile(Path(text)) for text in keeping.anchors]


def seal_and_anchor(journal: Journal, kept_in: Sequence[Place], say: Callable[[str], object]) -> list[Seal]:
    """Seal whatever no seal covers yet, and see that every place has the newest seal; the seals that were made.

    A place that cannot be written is told, and tried again at the next call: the seals themselves are in the record.

    Raises:
        JournalUnavailable: the database does not answer.
    """
    made = journal.seal()
    newest = made[-1] if made else journal.last_seal()
    for place in kept_in if newest else ():
        try:
            if newest and place.anchor(newest):
                say(f"Seal {newest.seal} is anchored in {place.shown}.")
        except (CannotAnchor, NotAnchors) as error:
            # It says where.
            say(f"Seal {newest.seal if newest else 0} could not be anchored in {error}")
    return made


@dataclass
class Keeper:
    """Seals, anchors, and sends the first seal of each hour or day to people, who keep it where nobody else reaches.

    Remembers between looks only of which period each target has heard. At the start that is the newest seal's: whoever
    starts us again and again must not make a message of it.
    """

    journal: Journal
    config: Callable[[], Config]
    say: Callable[[str], object]
    heard: dict[str, str] = field(default_factory=dict)
    # The newest seal when we began, if we have begun.
    began: Seal | None = None
    _looked: bool = False

    def look(self) -> list[Seal]:
        """One turn, meant to be repeated every few minutes; the seals that were made. What fails waits for the next.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        if not self._looked:
            self.began, self._looked = self.journal.last_seal(), True
        keeping = self._keeping()
        made = seal_and_anchor(self.journal, places(keeping), self.say)
        newest = made[-1] if made else self.journal.last_seal()
        for target in map(Target, keeping.announce):
            if newest:
                self._announce(target, newest, PERIODS[keeping.announce_each])
        return made

    def _keeping(self) -> Keeping:
        try:
            return self.config().record
        except InvalidConfig as error:
            self.say(f"The record is sealed, and anchored nowhere. {error}")
            return Keeping()

    def _announce(self, target: Target, seal: Seal, period: int) -> None:
        heard = self.heard.get(target.id, self.began.at if self.began else "")
        if seal.at[:period] <= heard[:period]:
            return
        if not target.send(f"Seal {seal.seal} of the incident record", message(seal)):
            self.say(f"Seal {seal.seal} could not be announced: {target.shown} did not take it; tried again later.")
            return
        self.heard[target.id] = seal.at
        self.say(f"Seal {seal.seal} is announced by {target.shown}.")


def message(seal: Seal) -> str:
    """What people are told of a seal: all that is needed to compare the record with it."""
    return (
        f"Made {seal.at}. Keep this message: whoever rewrites the record cannot rewrite it.\n"
        f"To compare, today or in years:\n\nincident audit verify --anchor {seal.seal}:{seal.hash}"
    )
