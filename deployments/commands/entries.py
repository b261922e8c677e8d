"""Journal entries as a person follows an incident: one line each, and silence while somebody is being asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from deployments.commands.terminal import show_line, show_verdict
from flows.journal import Entry, Journal, JournalUnavailable, kinds
from flows.told.report import sentence
from tasks.model import Verdict

EVERY_S = 0.3
STYLES = {
    kinds.Opened.kind: "bold",
    kinds.Asked.kind: "bold",
    kinds.Answered.kind: "bold",
    kinds.Closed.kind: "bold",
    kinds.Refused.kind: "bold red",
    kinds.Void.kind: "bold red",
    kinds.Expired.kind: "bold red",
    kinds.BrokenOff.kind: "bold red",
}


def show_entry(entry: Entry) -> None:
    body: Any = entry.body
    if entry.is_a(kinds.Finding, kinds.Look):
        # A look asks again what was answered above; its remedy has been shown.
        show_verdict(Verdict[body["verdict"]], body["says"], body["remedy"] if entry.is_a(kinds.Finding) else "")
    else:
        show_line(entry.kind, sentence(entry), STYLES.get(entry.kind, "dim"))


class Teller:
    """Shows the entries of one incident; what several questions could not see for the same reason is said once."""

    def __init__(self) -> None:
        self._unseen: set[str] = set()

    def show(self, entry: Entry) -> None:
        if entry.is_a(kinds.Finding) and entry.body["verdict"] == Verdict.UNKNOWN.name:
            says = str(entry.body["says"])
            if says in self._unseen:
                return
            self._unseen.add(says)
        show_entry(entry)


class Narrator:
    """Shows the entries of an incident that another thread of this process lives through."""

    def __init__(self, journal: Journal) -> None:
        self.incident = ""
        self.shown: list[Entry] = []
        self._journal = journal
        self._teller = Teller()
        self._one_speaks = threading.RLock()
        self._ended = threading.Event()

    def begin(self, incident: str) -> None:
        self.incident = incident
        threading.Thread(target=self._narrate, daemon=True).start()

    def catch_up(self) -> None:
        """Show what was recorded since the last time."""
        with self._one_speaks:
            for entry in self._journal.read(self.incident)[len(self.shown) :]:
                self.shown.append(entry)
                self._teller.show(entry)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing is shown inside the block: no line runs into what a person types."""
        with self._one_speaks:
            self.catch_up()
            yield

    def end(self) -> None:
        self._ended.set()

    def _narrate(self) -> None:
        # The run meets the same trouble, and says so.
        with suppress(JournalUnavailable):
            while not self._ended.wait(EVERY_S):
                self.catch_up()
