"""Following an incident from outside: the journal's entries as they are written."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flows.journal import Entry, Journal, kinds


class TookTooLong(Exception):
    """The incident did not end in the time it was given."""


class NotNoticed(Exception):
    """The check that should notice a drill's fault did not."""


def follow(journal: Journal, incident: str, *, within_s: float, every_s: float = 0.3) -> Iterator[Entry]:
    """Every entry, in order, until the incident is closed.

    Raises:
        TookTooLong: it is still open after `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    seen = 0
    while True:
        for entry in journal.read(incident)[seen:]:
            seen += 1
            yield entry
            if entry.is_a(kinds.Closed, kinds.Retired):
                return
        if time.monotonic() > deadline:
            raise TookTooLong(
                f"Incident {incident[:8]} is still open after {within_s:g} s, {seen} entries in. "
                f"`incident timeline {incident[:8]}` shows where it stands; its run's log is in the Prefect UI."
            )
        time.sleep(every_s)
