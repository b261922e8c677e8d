"""The chain: every entry's hash covers the entry before it, so no entry can be changed unnoticed."""

from __future__ import annotations

from collections.abc import Iterable

from flows.journal.entry import Entry
from flows.journal.kinds import Retired
from tasks.model import Row, digest

# What the first entry follows.
GENESIS = "0" * 64


def chained(*, incident: str, seq: int, at: str, actor: str, kind: str, key: str, body: Row, prev: str) -> Entry:
    """The entry with these fields, and its hash."""
    fields: Row = {"incident": incident, "seq": seq, "at": at, "actor": actor, "kind": kind, "key": key, "prev": prev}
    return Entry(
        incident=incident,
        seq=seq,
        at=at,
        actor=actor,
        kind=kind,
        key=key,
        body=body,
        prev=prev,
        hash=digest({**fields, "body": body}),
    )


def broken(entries: Iterable[Entry]) -> str | None:
    """The first place where the entries of one incident are not what was written, in a sentence; None if they are.

    Needs no database. A cut-off end leaves a shorter chain that is whole in itself, and so does a tombstone that stands
    for entries that never were: only a seal finds that.
    """
    before: Entry | None = None
    for entry in entries:
        complaint = _out_of_place(entry, before) or _altered(entry) or _unlinked(entry, before)
        if complaint:
            return complaint
        before = entry
    return None


def stands_for_removed(first: Entry) -> bool:
    """Is an incident's first entry here the tombstone of those that were before it?"""
    return first.is_a(Retired) and first.seq > 1


def _out_of_place(entry: Entry, before: Entry | None) -> str | None:
    last = before.seq if before else 0
    if before is None and stands_for_removed(entry):
        return None
    if before and entry.incident != before.incident:
        return f"{_named(entry)} belongs to incident {entry.incident}, the one before it to {before.incident}."
    if entry.seq <= last:
        return f"{_named(entry)} stands after entry {last}: entries were reordered or inserted."
    if entry.seq > last + 1:
        gap = f"Entry {last + 1} is" if entry.seq == last + 2 else f"Entries {last + 1} to {entry.seq - 1} are"
        return f"{gap} missing before {_named(entry, start=False)}: removed."
    return None


def _altered(entry: Entry) -> str | None:
    fields = {name: value for name, value in vars(entry).items() if name != "hash"}
    try:
        if chained(**fields).hash == entry.hash:
            return None
    except ValueError:
        return f"{_named(entry)} holds a value the journal never writes: altered."
    return f"{_named(entry)} does not have the content its hash was taken over: altered."


def _unlinked(entry: Entry, before: Entry | None) -> str | None:
    if entry.prev == (before.hash if before else GENESIS) or (before is None and stands_for_removed(entry)):
        return None
    if before is None:
        return f"{_named(entry)} names an entry before itself that is not there: removed."
    return f"{_named(entry)} was written after another entry {before.seq} than the one before it: altered or inserted."


def _named(entry: Entry, *, start: bool = True) -> str:
    return f"{'Entry' if start else 'entry'} {entry.seq} ({entry.kind}, {entry.at})"
