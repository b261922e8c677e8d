"""incident schedule: what runs by the clock, when next, and how it went the last time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deployments.commands.context import Here, here
from deployments.commands.measured import measured
from deployments.commands.terminal import console, print_json, show_table
from deployments.wanted import TAG
from flows.journal import Journal, LastRun
from flows.run.planned import deployments, next_runs
from runbooks.catalog import UnknownRunbook
from runbooks.model import InvalidRunbook
from runbooks.sections import duration


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One schedule; moments in ISO 8601 of the environment's own time. `next` is empty where none is planned."""

    name: str
    environment: str
    when: str
    next: str
    paused: bool
    last: str = ""
    verdict: str = ""
    incident: str = ""


def schedule(*, environment: str | None = None, json: bool = False) -> int:
    """List what runs by the clock, the soonest first: when next, in the environment's time, and how it went last.

    Parameters
    ----------
    environment
        Of this environment only.
    json
        Print a JSON list instead.
    """
    at = here()
    at.require_stack()
    if environment is not None:
        measured(at, environment)
    found = sorted(_planned(at, environment), key=lambda one: (not one.next, one.next))
    if json:
        print_json([asdict(one) for one in found])
    elif not found:
        console.print("Nothing runs by the clock. `incident publish` publishes what is declared.")
    else:
        heads = ["what", "where", "when", "next", "last", "verdict"]
        show_table(heads, [_row(one) for one in found], whole=1)
    return 0


def _row(one: Planned) -> Sequence[str]:
    planned = "paused" if one.paused else short(one.next) or "not planned"
    last = f"{short(one.last)} ({one.incident[:8]})" if one.incident else short(one.last)
    return (one.name, one.environment, one.when, planned, last or "never", one.verdict)


def short(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _planned(at: Here, environment: str | None) -> Iterator[Planned]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        there = [one for one in deployments(client, TAG) if one.schedules]
        there = [one for one in there if environment in (None, one.parameters.get("environment"))]
        coming = next_runs(client, [one.id for one in there if _active(one)])
    journal = at.journal()
    lately = journal.lately({_place(one) for one in there if "runbook" in one.parameters})
    for one in there:
        zone = ZoneInfo(one.schedules[0].schedule.timezone or "UTC")
        runbook, where = _place(one)
        run = next(iter(lately.get((runbook, where), ())), None)
        ran_at, verdict = _ended(run) if runbook else _round(at, journal, one.parameters)
        yield Planned(
            name=runbook or "watches",
            environment=where,
            when=_when(at, one.parameters),
            next=local(coming.get(one.id), zone),
            paused=not _active(one),
            last=local(ran_at, zone),
            verdict=verdict,
            incident=run.incident if run else "",
        )


def _active(deployment: Any) -> bool:
    return not deployment.paused and any(schedule.active for schedule in deployment.schedules)


def _place(deployment: Any) -> tuple[str, str]:
    """The slug of what it begins, empty for a round of watches; and where."""
    told = deployment.parameters
    return str(told.get("runbook", "")), str(told.get("environment", ""))


def _ended(run: LastRun | None) -> tuple[datetime | None, str]:
    """When it ended or began the last time, and how."""
    if run is None:
        return None, ""
    return datetime.fromisoformat(run.ended_at or run.opened_at), run.verdict or "open"


def _round(at: Here, journal: Journal, told: Mapping[str, Any]) -> tuple[datetime | None, str]:
    """Of a round of watches: its last look, and the worst it saw."""
    every = timedelta(seconds=float(told["every_s"]))
    checks = {watch.check.name for _, watch in at.catalog.watches() if watch.every == every}
    newest = [looks[0] for looks in journal.looks(str(told["environment"]), checks, 1).values()]
    if not newest:
        return None, ""
    return max(look.at for look in newest), max(look.verdict for look in newest).name


def _when(at: Here, told: Mapping[str, Any]) -> str:
    if "every_s" in told:
        return f"every {duration(timedelta(seconds=float(told['every_s'])))}"
    try:
        runbook = at.catalog.get(str(told["runbook"])).runbook
    except (UnknownRunbook, InvalidRunbook):
        return "no longer declared"
    return next(iter(runbook.when.values()), "")


def local(moment: datetime | None, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat() if moment else ""
