"""People are told of an urgent alert that no runbook claims: nothing opens by it, so nobody else would tell them.

1. What came within the last minutes is recorded once, in a chain of its own (`unclaimed/production`), and then told.
2. What is only said again within the hour is told no more.
3. Who was told is in that chain, so a recoverer that is started again tells nobody twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from flows.journal import Entry, HeldElsewhere, Journal, kinds
from flows.journal.alerts import Kept
from flows.people.escalate import NEWS, Escalator, Message
from runbooks.model import Severity
from tasks.roster import Role

INTAKE = "intake"
# Who hears of it; the same who hear at once of an incident of that severity.
TOLD = {Severity.P0: (Role.ON_CALL, Role.SENIOR), Severity.P1: (Role.ON_CALL,)}
SAID_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Unclaimed:
    """Looks at the alerts of the last minutes; remembers nothing but what is on its way to people."""

    journal: Journal
    # Of its own: a message that waits here is no other thread's affair.
    teller: Escalator

    def look(self) -> None:
        """One look. Meant to be repeated every few seconds.

        Raises:
            JournalUnavailable: the database does not answer.
        """
        for kept in self.journal.alerts.unclaimed(NEWS, SAID_AGAIN):
            place = self.teller.place(kept.environment)
            if place is not None and place.routes:
                chain = f"{kinds.Unclaimed.kind}/{kept.environment}"
                entries = self._recorded(chain, kept)
                self.teller.tell(chain, place, _messages(kept), {entry.key for entry in entries})
        self.teller.settle()

    def _recorded(self, chain: str, kept: Kept) -> Sequence[Entry]:
        key = f"alert/{kept.alert}"
        entries = self.journal.read(chain)
        if key in {entry.key for entry in entries}:
            return entries
        try:
            with self.journal.hold(chain) as log:
                if log.get(key) is None:
                    log.append(INTAKE, key, kinds.Unclaimed(title=kept.title, says=kept.why))
        except HeldElsewhere:
            # Another recoverer records it at this moment; the next look tells, if that one does not.
            return entries
        return self.journal.read(chain)


def _messages(kept: Kept) -> Iterator[Message]:
    for role in TOLD[Severity(kept.severity)]:
        yield Message(
            key=f"alert/{kept.alert}",
            role=role,
            title=f"{kept.severity} {kept.environment}: an alert that no runbook claims",
            text=(
                f"{kept.source}: {kept.title}\n\n{kept.why}\n\nNothing was opened. What each rule lacks of it: "
                f"incident alerts why {kept.alert}. With a rule for it: incident alerts replay {kept.alert}"
            ),
        )
