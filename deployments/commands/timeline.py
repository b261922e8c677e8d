"""incident timeline: what happened, entry by entry, and whether the record is whole."""

from __future__ import annotations

import dataclasses

from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, show_entry, show_table
from flows.follow import follow
from flows.journal import Journal, broken
from flows.report import report, what

# A working day: whoever follows longer than that has closed the terminal.
LIVE_WITHIN_S = 12 * 3600.0


def timeline(incident: str | None = None, *, live: bool = False, post_mortem: bool = False, json: bool = False) -> int:
    """Show what happened in an incident, entry by entry; without an id, list the incidents.

    Parameters
    ----------
    incident
        The incident's id or its first characters.
    live
        Keep showing entries until it is closed.
    post_mortem
        Print the post-mortem draft (Markdown) instead.
    json
        Print the entries as JSON, one object each, exactly as they are chained.
    """
    journal = here().journal()
    if incident is None:
        return _incidents(journal, json)
    found = journal.find(incident)
    if live:
        for entry in follow(journal, found, within_s=LIVE_WITHIN_S):
            show_entry(entry)
        return 0
    entries = journal.read(found)
    complaint = broken(entries)
    if json:
        print_json([dataclasses.asdict(entry) for entry in entries])
    elif post_mortem:
        console.print(report(entries), markup=False, highlight=False, soft_wrap=True)
    else:
        show_table(["at (UTC)", "who", "what"], [(e.at[:19].replace("T", " "), e.actor, what(e)) for e in entries])
        console.print(f"{len(entries)} entries; the chain is unbroken." if not complaint else "", markup=False)
    if complaint:
        errors.print(complaint, markup=False)
    return 1 if complaint else 0


def _incidents(journal: Journal, json: bool) -> int:
    found = journal.incidents(limit=50)
    if json:
        print_json([dataclasses.asdict(summary) for summary in found])
    elif not found:
        console.print("No incident is recorded.")
    else:
        rows = [
            (s.incident[:8], s.opened_at[:16], s.runbook, s.environment, s.severity, s.verdict or "open") for s in found
        ]
        show_table(["incident", "opened (UTC)", "runbook", "where", "severity", "verdict"], rows)
    return 0
