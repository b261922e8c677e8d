"""The clock of a recovery as it was recorded: which stages are due when, and which are late.

Read by whoever tells people: a step that hangs cannot say so itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from flows.journal import Entry, kinds

# Where the clock stands in the journal, and its stages under it.
CLOCK, ALL = "clock", "All of it"


def due_stages(clock: Entry) -> Iterator[tuple[str, datetime]]:
    """The stages of a clock, and when each is due."""
    rows = clock.body["stages"]
    for row in rows if isinstance(rows, list) else []:
        yield str(row["stage"]), datetime.fromisoformat(str(row["due_at"]))


def late_stages(entries: Sequence[Entry], at: datetime) -> Iterator[tuple[str, str, bool]]:
    """Each stage that is late at that moment: its name, what there is to say of it, and whether it is all of it."""
    clock = next((entry for entry in entries if entry.is_a(kinds.Clock)), None)
    if clock is None or any(entry.is_a(kinds.Closed) for entry in entries):
        return
    done = {entry.key for entry in entries if entry.is_a(kinds.Stage)}
    began = datetime.fromisoformat(entries[0].at)
    for stage, due in due_stages(clock):
        if at < due or f"{CLOCK}/{stage}" in done:
            continue
        minutes = round((due - began).total_seconds() / 60)
        yield stage, f"It was due at {due:%H:%M} UTC, {minutes} minutes after it began, and is not done.", stage == ALL
