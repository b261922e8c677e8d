"""incident timeline: what happened, entry by entry, and whether the record is whole."""

from __future__ import annotations

import dataclasses
import json as codec

from deployments.commands.context import here
from deployments.commands.entries import Teller
from deployments.commands.terminal import console, errors, print_json, say, show_markdown, show_table
from flows.case.leading import waits_for
from flows.case.question import open_question
from flows.journal import Entry, IncidentSummary, Journal, broken, stands_for_removed
from flows.told.curves import thirty_days
from flows.told.follow import follow
from flows.told.report import report, what
from flows.told.words import plain

# A working day: whoever follows longer than that has closed the terminal.
LIVE_WITHIN_S = 12 * 3600.0


def timeline(incident: str | None = None, *, live: bool = False, post_mortem: bool = False, json: bool = False) -> int:
    """Show what happened in an incident, entry by entry; without an id, list the incidents.

    Exit code 1 if an entry was changed, removed or reordered after it was written.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    live
        Keep showing entries until it is closed.
    post_mortem
        Show the post-mortem draft instead; in a pipe, its Markdown.
    json
        Print the entries as a JSON list, exactly as they are chained; with --live, one object a line.
    """
    if post_mortem and (live or json):
        errors.print("--post-mortem is a page of its own: leave out --live and --json.")
        return 2
    if incident is None and (live or post_mortem):
        errors.print("Which incident? `incident timeline` lists them; the first characters of its id are enough.")
        return 2
    journal = here().journal()
    if incident is None:
        return _incidents(journal, json)
    found = journal.find(incident)
    if live:
        return _live(journal, found, json)
    entries = journal.read(found)
    if post_mortem and entries and stands_for_removed(entries[0]):
        errors.print(f"Incident {found} was retired {_moment(entries[0].at, 16)} (UTC): {plain(what(entries[0]))}.")
        return 1
    if json:
        print_json([dataclasses.asdict(entry) for entry in entries])
    elif post_mortem:
        show_markdown(report(entries, thirty_days(journal, entries)))
    else:
        show_table(["at (UTC)", "who", "what"], [(_moment(e.at, 19), e.actor, what(e)) for e in entries])
    return _judged(entries, quiet=json or post_mortem)


def _live(journal: Journal, incident: str, json: bool) -> int:
    teller = Teller()
    for entry in follow(journal, incident, within_s=LIVE_WITHIN_S):
        if json:
            say(codec.dumps(dataclasses.asdict(entry), ensure_ascii=False))
        else:
            teller.show(entry)
    return _judged(journal.read(incident), quiet=True)


def _judged(entries: tuple[Entry, ...], *, quiet: bool) -> int:
    complaint = broken(entries)
    if complaint:
        errors.print(f"The record is not what was written. {complaint}")
        return 1
    if not quiet and entries and stands_for_removed(entries[0]):
        console.print(f"Entries 1 to {entries[0].seq - 1} were retired and removed; that export holds them.")
    if not quiet:
        console.print(f"{len(entries)} entries; the chain is unbroken.")
    return 0


def _incidents(journal: Journal, json: bool) -> int:
    found = journal.incidents(limit=50)
    if json:
        print_json([dataclasses.asdict(summary) for summary in found])
    elif not found:
        console.print("No incident is recorded.")
    else:
        rows = [
            (s.incident[:8], _moment(s.opened_at, 16), s.runbook, s.environment, s.severity, stands(journal, s))
            for s in found
        ]
        show_table(["incident", "opened (UTC)", "runbook", "where", "severity", "verdict"], rows, whole=3)
    gone = journal.retention.gone()
    if gone and not json:
        console.print(f"Retired and removed: {gone}. `incident timeline ID` says which export holds one of them.")
    return 0


def stands(journal: Journal, one: IncidentSummary) -> str:
    """Its verdict; of an open one, what it waits for."""
    if not one.open:
        return one.verdict
    entries = journal.read(one.incident)
    leader = waits_for(entries)
    if leader:
        return f"waits for {leader[:8]}"
    return "waits for an answer" if open_question(entries) else "open"


def _moment(at: str, characters: int) -> str:
    return at[:characters].replace("T", " ")
