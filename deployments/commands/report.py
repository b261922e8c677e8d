"""incident report: what a checklist came to, on four dashboards, as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deployments.commands.context import Here, here
from deployments.commands.health import checklist
from deployments.commands.measured import measured
from deployments.commands.terminal import console, say, show_line, show_verdict
from flows.journal import Entry, Journal, NoSuchIncident, kinds
from flows.told.asked import all_asked, moment
from flows.told.checklist import not_well
from flows.told.curves import SHOWN, curves
from flows.told.dashboards import Dashboard, dashboard_of
from flows.told.health_report import Gone, page
from flows.told.slo import standing
from runbooks.catalog import UnknownRunbook
from tasks.model import Verdict


def report(name: str, *, environment: str | None = None, html: Path | None = None) -> int:
    """Show what a checklist came to, by dashboard; as one HTML file, with thirty days of every number.

    The file is made from the record and the series, and can be made again at any time: it is kept where they are.

    Parameters
    ----------
    name
        morning, evening, weekly …, for its last time in the environment; or a run's id, or its first characters.
    environment
        Where, for the last time of a checklist.
    html
        The file to write. It loads nothing, so it can be sent and printed as it is.
    """
    at = here()
    journal = at.journal()
    gone = _gone(at, journal, _entries(at, journal, name, environment), pictures=html is not None)
    if html is None:
        _show(gone)
    else:
        html.write_text(page(gone), encoding="utf-8")
        say(f"Written: {html}")
    return 0


def _entries(at: Here, journal: Journal, name: str, environment: str | None) -> tuple[Entry, ...]:
    """Of the run that is meant.

    Raises:
        NoSuchIncident: there is none, or it did not come to a verdict.
    """
    try:
        slug = checklist(at.catalog, name).slug
    except UnknownRunbook:
        entries = journal.read(journal.find(name))
        if any(entry.is_a(kinds.Checked) for entry in entries):
            return entries
        raise NoSuchIncident(
            f"{name} is no checklist's run, or did not come to a verdict. `incident timeline {name}` shows it."
        ) from None
    if environment is None:
        raise NoSuchIncident(f"Where? Name it by --environment, or give the id of a run of {slug}.")
    measured(at, environment)
    for run in journal.lately([(slug, environment)], limit=10).get((slug, environment), ()):
        entries = journal.read(run.incident)
        if any(entry.is_a(kinds.Checked) for entry in entries):
            return entries
    raise NoSuchIncident(
        f"{slug} came to no verdict in {environment} yet: incident health {name} --environment {environment}"
    )


def _gone(at: Here, journal: Journal, entries: Sequence[Entry], *, pictures: bool) -> Gone:
    opened: Any = entries[0].body
    checked = next(entry for entry in entries if entry.is_a(kinds.Checked))
    ill = {str(item["key"]) for item in not_well(checked.body)}
    until, where = moment(checked.at), str(opened["environment"])
    place = measured(at, where)
    found = {str(entry.key).removeprefix("diagnosis/") for entry in entries if entry.is_a(kinds.Finding)}
    known = {name: one for name, one in all_asked(at.catalog, where, place).items() if name in found}
    return Gone(
        entries=entries,
        checked=checked,
        since=until - SHOWN,
        until=until,
        zone=place.time_zone,
        belongs={name: dashboard_of(one.check) for name, one in known.items()},
        curves=curves(journal, known.values(), until, ill) if pictures else {},
        objectives=[standing(journal.series, where, one, until) for one in place.objectives] if pictures else (),
    )


def _show(gone: Gone) -> None:
    body: Any = gone.checked.body
    shown = set()
    for dashboard in Dashboard:
        mine = [one for one in body["items"] if gone.belongs.get(one["key"]) is dashboard]
        if mine:
            console.print(f"\n{dashboard.value}", style="bold")
            _items(mine)
            shown |= {one["key"] for one in mine}
    console.print("\nWhat ran, and what waits", style="bold")
    _items([one for one in body["items"] if one["key"] not in shown])
    console.print()
    show_line(str(body["verdict"]), str(body["says"]), "bold")
    say(f"With thirty days of each number: incident report {gone.checked.incident[:8]} --html report.html")


def _items(items: Sequence[Mapping[str, str]]) -> None:
    for item in items:
        show_verdict(Verdict[item["verdict"]], item["says"], item["to_do"])
