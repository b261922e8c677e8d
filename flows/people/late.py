"""A stage that is not done when it is due, read from the record: a step that hangs cannot say so itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from flows.journal import Entry, kinds
from flows.life.pace import ALL, CLOCK, due_stages


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
