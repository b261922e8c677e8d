"""incident audit: is the record what was written? Verify it, export it, seal it now."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cyclopts import App

from deployments.commands import retention, thin
from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, say
from flows.journal import (
    Anchored,
    Audit,
    CannotAnchor,
    Complaint,
    Exported,
    Record,
    Told,
    Tombstone,
    complaints,
    gathered,
    is_told,
    lines,
    unlike_exports,
    write_whole,
)
from flows.keepers.seal import places, seal_and_anchor
from flows.told.words import plain
from tasks.config import Keeping

app = App(name="audit", sort_key=101, help="Is the record what was written? Seal, export, verify and retire it.")
app.command(retention.retire)
app.command(retention.remove)
app.command(thin.thin)

# More would scroll the first ones away; the count is told.
SHOWN = 50


@app.command
def verify(
    file: Path | None = None, *, anchor: list[str] | None = None, exports: Path | None = None, json: bool = False
) -> int:
    """Verify every entry, every incident and every seal. Exit code 1 if anything is not what was written.

    Parameters
    ----------
    file
        An export (`incident audit export`): needs no database and no configuration. Without it, the journal here.
    anchor
        A file with anchors, s3://bucket/prefix, or what a message said, for example 42:6f1c…; kept where the database's
        owner cannot reach. May be given several times; for the journal here, the configured ones are read as well.
    exports
        The folder with the exports of retired incidents: are they there, and what was sealed?
    json
        Print the result as JSON.
    """
    shown: list[Complaint] = []
    kept = gathered(_places(file, anchor or ()), lambda place, error: shown.append(_unread(place, error)))
    audit = Audit(found=len(shown))
    retired: list[Tombstone] = []
    with _record(file) as record:
        see = (lambda entry: retired.append(Tombstone.of(entry))) if exports else None
        for complaint in complaints(record, audit, kept, see):
            if len(shown) < SHOWN:
                shown.append(complaint)
    for complaint in unlike_exports(retired, exports) if exports else ():
        audit.found += 1
        if len(shown) < SHOWN:
            shown.append(complaint)
    if json:
        print_json({**dataclasses.asdict(audit), "complaints": [dataclasses.asdict(one) for one in shown]})
    else:
        _show(audit, shown, len(kept))
        if audit.retired and not exports:
            console.print("The exports of the retired incidents were not looked at: --exports FOLDER does.")
    return 1 if audit.found else 0


@app.command
def export(*, incident: list[str] | None = None, since: datetime | None = None, to: Path | None = None) -> int:
    """Write the record as JSON Lines: all that `incident audit verify FILE` needs, anywhere.

    Parameters
    ----------
    incident
        Only this incident (its id or its first characters). May be given several times.
    since
        Only incidents in which something happened since then, for example 2026-11-01 or 2026-11-01T02:00:00 (UTC).
    to
        The file; it must not exist yet. Without it, standard output.
    """
    journal = here().journal()
    only = [journal.find(prefix) for prefix in incident or []]
    with journal.record(only=only, since=_moment(since) if since else None) as record:
        if to is None:
            sys.stdout.writelines(f"{line}\n" for line in lines(record))
            return 0
        count = write_whole(to, lines(record))
    say(f"{to}: {count} lines. Verify them anywhere: incident audit verify {to}")
    return 0


@app.command
def seal() -> int:
    """Seal the record now, and anchor the seal; otherwise it happens every ten minutes."""
    at = here()
    made = seal_and_anchor(at.journal(), places(at.config.record), say)
    for one in made:
        say(f"Seal {one.seal}: {one.heads} incident{'s' if one.heads != 1 else ''} grew; {one.hash}")
    if not made:
        say("Nothing was written since the last seal.")
    return 0


def _places(file: Path | None, given: Sequence[str]) -> list[Anchored]:
    """Where anchors are read: what was given, and for the journal here what is configured."""
    named = Keeping(anchors=tuple(text for text in given if not is_told(text)))
    configured = places(here().config.record) if file is None else []
    return [*(Told(text) for text in given if is_told(text)), *places(named), *configured]


def _unread(place: Anchored, error: CannotAnchor) -> Complaint:
    return Complaint(where=place.shown, says=str(error).removeprefix(f"{place.shown}: "))


def _moment(at: datetime) -> str:
    """As the journal writes it; a time without a zone is UTC."""
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@contextlib.contextmanager
def _record(file: Path | None) -> Iterator[Record]:
    if file is not None:
        yield Exported(file)
        return
    with here().journal().record() as record:
        yield record


def _show(audit: Audit, shown: Sequence[Complaint], anchored: int) -> None:
    for complaint in shown:
        errors.print(f"{plain(complaint.where)}: {plain(complaint.says)}")
    if audit.found > len(shown):
        errors.print(f"… and {audit.found - len(shown)} more.")
    console.print(
        f"Entries: {audit.entries}. Incidents: {audit.incidents}. Seals: {audit.seals}. Anchors: {anchored}. "
        + (f"Not what was written: {audit.found}." if audit.found else "Everything is what was written.")
    )
    if audit.retired:
        console.print(f"Retired, of which only a sealed tombstone is left: {audit.retired}.")
    if audit.unsealed:
        console.print(f"Newer than the last seal, which the next one covers: {audit.unsealed}.")
    if not anchored:
        console.print(
            "No anchors were compared: whoever owns the database could have rewritten record and seals alike."
        )
