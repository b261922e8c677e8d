"""incident watch: what is looked at by the clock, what it answered last, and one of them paused for a while."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cyclopts import App

from deployments.commands import backtest
from deployments.commands.asking import who
from deployments.commands.context import Here, here
from deployments.commands.schedule import local, short
from deployments.commands.terminal import console, errors, print_json, say, show_table
from deployments.wanted import TAG
from flows.journal.holding import Snooze
from flows.journal.looks import Look
from flows.opening.held import PAUSE, pauses
from flows.run.planned import deployments, next_runs
from runbooks.catalog import watch_name
from runbooks.sections import duration
from tasks.environment import Environment

# Whoever needs longer writes it into the configuration, where others read it: paused_watches.
LONGEST = timedelta(days=7)

app = App(name="watch", sort_key=99, help="What is looked at by the clock, and opens a runbook when it answers BAD.")
app.command(backtest.backtest)


@app.command(name="list")
def listed(*, environment: str, json: bool = False) -> int:
    """List the watches of an environment: what each answered last, when it is asked next, and which are paused.

    Parameters
    ----------
    environment
        As named in environments.toml.
    json
        Print a JSON list instead.
    """
    at = here()
    place = at.environment(environment)
    rows = list(_watches(at, place))
    if json:
        print_json(rows)
    elif not rows:
        console.print(f"Nothing is watched in {environment}: none of the systems that watches ask is configured there.")
    else:
        show_table(list(rows[0]), [list(row.values()) for row in rows], whole=1)
        console.print("One is paused for a while by `incident watch pause NAME`, for good by `paused_watches`.")
    return 0


def _watches(at: Here, place: Environment) -> Iterator[dict[str, str]]:
    journal = at.journal(place)
    there = [(slug, watch) for slug, watch in at.catalog.watches() if not watch.check.lacks(place.kinds)]
    looks = journal.looks(place.name, {watch.check.name for _, watch in there}, 1)
    paused = pauses(journal, place.name)
    zone = ZoneInfo(place.time_zone)
    coming = _next_rounds(at, place.name)
    for slug, watch in there:
        name = watch_name(slug, watch)
        why = _paused(place, name, paused, zone)
        last = next(iter(looks.get(watch.check.name, ())), None)
        yield {
            "watch": name,
            "every": duration(watch.every),
            "last answer": _answer(last, zone),
            "next": why or short(local(coming.get(watch.every), zone)) or "not planned",
            "counts once": f"{watch.settle.bad} of {watch.settle.of}" if watch.settle.of > 1 else "BAD",
        }


def _answer(last: Look | None, zone: ZoneInfo) -> str:
    if last is None:
        return "never asked"
    value = "" if last.value is None else f" {last.value:.6g} {last.unit}".rstrip()
    return f"{last.verdict.name}{value} at {short(local(last.at, zone))}"


def _paused(place: Environment, name: str, paused: dict[str, tuple[Snooze, datetime]], zone: ZoneInfo) -> str:
    if name in place.paused_watches:
        return "paused in environments.toml"
    if name not in paused:
        return ""
    who_says, until = paused[name]
    return f"paused until {short(local(until, zone))} by {who_says.actor}: {who_says.reason}"


def _next_rounds(at: Here, environment: str) -> dict[timedelta, datetime]:
    """When each round begins next, by its cadence; nothing where no stack is up."""
    if not at.stack_is_up:
        return {}
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        rounds: dict[Any, timedelta] = {
            one.id: timedelta(seconds=float(one.parameters["every_s"]))
            for one in deployments(client, TAG)
            if "every_s" in one.parameters and one.parameters.get("environment") == environment
        }
        return {rounds[deployment]: moment for deployment, moment in next_runs(client, rounds).items()}


@app.command
def pause(watch: str, *, environment: str, hold: timedelta, reason: str, name: str | None = None) -> int:
    """Have one watch not asked for a while. What it opened stays open.

    Parameters
    ----------
    watch
        SLUG/CHECK, as `incident watch list` names it.
    environment
        Where, as named in environments.toml.
    hold
        For how long, for example 2h; 0s ends it.
    reason
        Why, for whoever wonders.
    name
        Who says so. Left out: INCIDENT_APPROVER, or your login.
    """
    at = here()
    place = at.environment(environment)
    if watch not in {watch_name(slug, one) for slug, one in at.catalog.watches()}:
        errors.print(f"Nothing is watched as {watch!r}. `incident watch list --environment {environment}` names them.")
        return 2
    if not timedelta(0) <= hold <= LONGEST:
        errors.print(f"--hold {hold}: {LONGEST.days} days at most; for good, write it into `paused_watches`.")
        return 2
    pausing = Snooze(fingerprint=f"{PAUSE}{watch}", environment=place.name, actor=who(name), reason=reason)
    until = at.journal(place).alerts.snooze(pausing, hold.total_seconds())
    if hold:
        say(f"{watch} is not asked in {environment} until {until:%Y-%m-%d %H:%M} UTC.")
    else:
        say(f"{watch} is asked in {environment} again.")
    return 0
