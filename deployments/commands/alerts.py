"""incident alerts: what monitoring said, what became of it, and a sample through the real address."""

from __future__ import annotations

import dataclasses

from cyclopts import App

from deployments.commands import alerts_again
from deployments.commands.alert_sample import sample
from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, show_table
from deployments.intake import settings
from deployments.intake.again import understood
from flows.journal.alerts import Kept
from flows.opening.routing import explained
from flows.told.words import plain

app = App(name="alerts", sort_key=101, help="What monitoring said, and what became of it.")
app.command(alerts_again.replay)
app.command(alerts_again.snooze)


@app.default
def newest(*, limit: int = 50, json: bool = False) -> int:
    """List the newest alerts: what came in, which runbook it was taken for, and the incident it belongs to.

    Parameters
    ----------
    limit
        How many at most.
    json
        Print a JSON list instead.
    """
    found = here().journal().alerts.newest(limit)
    if json:
        print_json([dataclasses.asdict(one) for one in found])
    elif found:
        heads = ["alert", "at (UTC)", "source", "state", "title", "runbook", "incident"]
        show_table(heads, [_row(one) for one in found])
    else:
        console.print("No alert has come in. `incident alerts test SOURCE` sends one.")
    return 0


def _row(one: Kept) -> tuple[str, ...]:
    incident = one.incident[:8] or ("waits" if one.opening else "held back" if one.held else "none")
    return (str(one.alert), one.at, one.source, one.state, one.title, one.runbook or "nobody's", incident)


@app.command
def why(alert: int) -> int:
    """Say how an alert was routed: the rule or symptom that decided, and what each rule lacks of it, as they are now.

    Parameters
    ----------
    alert
        Its number, as `incident alerts` lists it.
    """
    at = here()
    found = at.journal().alerts.get(alert)
    if found is None:
        errors.print(f"There is no alert {alert}. `incident alerts` lists the newest.")
        return 1
    console.print(plain(found.title))
    console.print(plain(found.why))
    for rule, lacks in explained(understood(found), settings.load(at.config, at.catalog).rules):
        console.print(plain(f"- {rule}: {lacks or 'fits'}"))
    return 0


app.command(sample, name="test")
