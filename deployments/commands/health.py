"""incident health: go through one checklist now, and see what it comes to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from deployments.commands.asking import said_by, usual_name
from deployments.commands.context import Here, here
from deployments.commands.playground import playground
from deployments.commands.terminal import console, errors, print_json, say, show_line, show_verdict
from deployments.home import Home
from deployments.interrupts import interruptible
from flows.gate.requester import opening
from flows.journal import Entry, Journal, kinds
from flows.run.trigger import trigger
from flows.told.follow import TookTooLong
from runbooks.catalog import Catalog, Catalogued, UnknownRunbook
from runbooks.checklist import Health
from tasks.config import LAB
from tasks.model import Verdict

# A question has its own limit; this is for a worker that is busy with others.
WITHIN_S = 180.0
LOOK_S = 0.1
REASON = "by hand"


def health(name: str, *, environment: str, json: bool = False) -> int:
    """Go through a checklist now, as its schedule does: everything is asked at once, and what is BAD opens its runbook.

    Exit code 0 if nobody has to act. What people sign off waits in Prefect, and for `incident approve`.

    Parameters
    ----------
    name
        morning, evening, weekly …, or a whole slug such as security/checklist.
    environment
        Where, as named in environments.toml; `lab` starts what is not up, for as long as it takes.
    json
        Print what it comes to as JSON.
    """
    at = here()
    catalogued = checklist(at.catalog, name)
    if environment != LAB or (at.stack_is_up and LAB in at.config.names):
        at.require_stack()
        return _through(at, catalogued, environment, json=json)
    with interruptible(), playground(Home.find(), _beside) as (there, _):
        return _through(there, catalogued, environment, json=json)


def checklist(catalog: Catalog, name: str) -> Catalogued:
    """The checklist that is meant.

    Raises:
        UnknownRunbook: there is none; those there are, are named.
    """
    known = {entry.slug: entry for entry in catalog if isinstance(entry.runbook, Health)}
    found = known.get(name) or known.get(f"health/{name}")
    if found is None:
        raise UnknownRunbook(name, tuple(known))
    return found


def _beside(text: str) -> None:
    """Standard output is for what it comes to."""
    errors.print(text, soft_wrap=True)


def _through(at: Here, catalogued: Catalogued, environment: str, *, json: bool) -> int:
    place = at.environment(environment)
    asked = said_by(usual_name() or "", opening(catalogued.slug, environment, REASON, {}))
    parameters = {"environment": place.name, "reason": REASON, "requester": asked}
    incident = str(trigger(catalogued.slug, parameters, kind=Health))
    entries = _until_checked(at.journal(place), incident)
    checked: Any = next(entry.body for entry in entries if entry.is_a(kinds.Checked))
    if json:
        print_json({"checklist": catalogued.slug, "environment": place.name, "incident": incident, **checked})
    else:
        _show(catalogued, incident, checked)
    return 0 if Verdict[checked["verdict"]] < Verdict.UNKNOWN else 1


def _until_checked(journal: Journal, incident: str) -> tuple[Entry, ...]:
    """Its entries, once they say what it comes to.

    Raises:
        TookTooLong: they do not within WITHIN_S, or it ended without.
    """
    deadline = time.monotonic() + WITHIN_S
    while True:
        entries = journal.read(incident)
        if any(entry.is_a(kinds.Checked) for entry in entries):
            return entries
        if time.monotonic() > deadline or any(entry.is_a(kinds.Closed) for entry in entries):
            raise TookTooLong(
                f"{incident[:8]} did not come to a verdict within {WITHIN_S:g} s. `incident timeline {incident[:8]}` "
                "shows where it stands; `incident doctor` says whether anything is begun at all."
            )
        time.sleep(LOOK_S)


def _show(catalogued: Catalogued, incident: str, checked: Mapping[str, Any]) -> None:
    for item in checked["items"]:
        show_verdict(Verdict[item["verdict"]], item["says"], item["to_do"])
    for one in checked["changed"]:
        show_line("changed", f"{one['was']} → {one['is']}: {one['says']}")
    if checked["not_here"]:
        show_line("not here", f"Not configured, so not asked: {', '.join(checked['not_here'])}.")
    console.print()
    show_line(str(checked["verdict"]), str(checked["says"]), "bold")
    if catalogued.runbook.parts:
        say(f"To be signed off, one after the other: incident approve {incident[:8]}")
    say(f"The record: incident timeline {incident[:8]}")
    say(f"The report, with thirty days of each number: incident report {incident[:8]} --html report.html")
