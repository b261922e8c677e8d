"""incident alerts: what monitoring said, what became of it, and a sample through the real address."""

from __future__ import annotations

import dataclasses
import time

import httpx
from cyclopts import App

from deployments.commands import alerts_again
from deployments.commands.context import here
from deployments.commands.terminal import console, errors, print_json, show_table
from deployments.intake import settings
from deployments.intake.again import understood
from deployments.intake.settings import AlertSettings
from flows.journal.alerts import Kept
from flows.opening.routing import explained

# As a sender waits.
ANSWERS_WITHIN_S = 10.0

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
    incident = one.incident[:8] or ("waits" if one.opening else "none")
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
    console.print(found.title, markup=False)
    console.print(found.why, markup=False)
    for rule, lacks in explained(understood(found), settings.load(at.config, at.catalog).rules):
        console.print(f"- {rule}: {lacks or 'fits'}", markup=False)
    return 0


@app.command(name="test")
def sample(source: str, *, json: bool = False) -> int:
    """Send a correctly signed sample of a source to the real address, as the source would.

    Exit code 0 only if it was taken.

    Parameters
    ----------
    source
        Its name in the configuration, under [alerts.sources].
    json
        Print the answer as JSON.
    """
    at = here()
    found = settings.load(at.config, at.catalog)
    if source not in found.sources:
        known = ", ".join(found.sources) or "none; add [alerts.sources.NAME] to the configuration"
        errors.print(f"No source is called {source!r}. Known: {known}.")
        return 2
    try:
        answer = _send(found, source)
    except httpx.TransportError as error:
        where = f"{found.listening.host}:{found.listening.port}"
        errors.print(f"Nobody takes alerts at {where}: {error}. `incident up` does, once a source is configured.")
        return 1
    if answer.status_code != httpx.codes.OK:
        errors.print(f"Refused with {answer.status_code}. The log of `intake` says why.")
        return 1
    if json:
        print_json(answer.json())
    else:
        (one,) = answer.json()["alerts"]
        opens = "opens an incident" if one["opening"] else "opens nothing"
        what = "joined an open incident" if one["joined"] else opens
        console.print(f"Alert {one['alert']} was taken and {what}: `incident alerts why {one['alert']}`.")
    return 0


def _send(found: AlertSettings, source: str) -> httpx.Response:
    sample = found.sources[source].sample(time.time())
    address = f"http://{found.listening.host}:{found.listening.port}/alerts/{source}"
    with httpx.Client(trust_env=False, timeout=ANSWERS_WITHIN_S) as client:
        return client.post(address, content=sample.body, headers=dict(sample.headers))
