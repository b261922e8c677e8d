"""Which incident leads another one, and how it ended: what both the waiting run and the recoverer read."""

from __future__ import annotations

from collections.abc import Sequence

from flows.journal import Entry, Journal, JournalBroken, NoSuchIncident, Retired, kinds

# The gate at which an incident waits for the verdict of another one (flows/step/follow.py).
FOLLOW = "follow"


def led_by(entries: Sequence[Entry]) -> Entry | None:
    """The entry that names the incident which leads the one of these entries; None where none ever did."""
    return next((entry for entry in entries if entry.is_a(kinds.Beside) and entry.body["leads"]), None)


def waits_for(entries: Sequence[Entry]) -> str:
    """The incident for whose verdict it waits; empty if for none, or no longer."""
    leader = led_by(entries)
    over = leader is None or any(entry.is_a(kinds.Led, kinds.Closed) for entry in entries)
    return "" if over or leader is None else str(leader.body["incident"])


def how_it_ended(journal: Journal, incident: str) -> str:
    """Its verdict; empty while it is open. Whose record cannot be read is waited for by nobody."""
    try:
        closed = next((entry for entry in journal.read(incident) if entry.is_a(kinds.Closed)), None)
    except (NoSuchIncident, Retired, JournalBroken):
        return "its record is gone"
    return str(closed.body["verdict"]) if closed else ""
