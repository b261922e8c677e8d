"""incident thresholds: limits that fit what was measured."""

from __future__ import annotations

import dataclasses
import json as codec
from datetime import timedelta

from cyclopts import App

from deployments.commands.context import here
from deployments.commands.measured import asked
from deployments.commands.terminal import errors, print_json, say, show_line
from flows.run.clock import now
from flows.told.asked import Asked
from flows.told.suggest import Suggested, suggest
from flows.told.units import amount
from tasks.measurements.thinning import POINTS_KEPT
from tasks.model import Threshold

app = App(name="thresholds", sort_key=103, help="Limits that fit what was measured.")
DAY = timedelta(days=1)


@app.command(name="suggest")
def suggested(check: str, *, environment: str, limit: str | None = None, json: bool = False) -> int:
    """Say how often a check's limit would have fired in the last 90 days, and which limit its history suggests.

    History is no reason: it shows what a limit costs in alarms, and you say why it is that one. Exit code 1 if there is
    too little to suggest anything.

    Parameters
    ----------
    check
        Its name, for example check_long_transactions.
    environment
        Where it was asked; the suggestion is for there.
    limit
        Which of its limits, if it judges by several.
    json
        Print JSON instead.
    """
    at = here()
    of = asked(at, check, environment)
    name, declared = of.limit(limit)
    read, until = at.journal().series, now()
    points = read.points(of.series(), until - POINTS_KEPT, until)
    values = [one.value for one in points if one.value is not None]
    days = (points[-1].at - points[0].at) / DAY if points else 0.0
    found = suggest(values, days, declared)
    unit = next((one.unit for one in read.known() if (one.environment, one.check) == (environment, check)), "")
    if json:
        print_json({"check": check, "environment": environment, "limit": name, **_as_json(found, len(values), days)})
    else:
        _show(found, of, name, declared, unit, f"{len(values):,} numbers of {days:.0f} days")
    return 0 if found.limit else 1


def _as_json(found: Suggested, numbers: int, days: float) -> dict[str, object]:
    told = dataclasses.asdict(found)
    pair = told.pop("limit")
    return {**told, "numbers": numbers, "days": days, "suggested": dict(zip(("warn", "bad"), pair or (), strict=False))}


def _show(found: Suggested, of: Asked, name: str, declared: Threshold, unit: str, seen: str) -> None:
    show_line("seen", seen)
    if found.percentiles:
        show_line("", ", ".join(f"{part} {amount(value, unit)}" for part, value in found.percentiles.items()))
    now_says = f"warn {amount(declared.warn, unit)}, bad {amount(declared.bad, unit)}"
    show_line("now", f"{now_says}: would have warned in {_share(found.warned)} and been bad in {_share(found.bad)}")
    if found.limit is None:
        errors.print(f"Nothing is suggested. {found.why_not}")
        return
    warn, bad = found.limit
    would = f"would have warned in {_share(found.would_warn)} and been bad in {_share(found.would_be_bad)}"
    show_line("suggested", f"warn {amount(warn, unit)}, bad {amount(bad, unit)}: {would}")
    say("")
    say(f"[environments.{_key(of.environment)}.thresholds.{of.check.name}]")
    # Refused as it is: a limit without a reason is nobody's.
    say("# Say in `because` whose limit it is, and what happens there; without a reason it is refused.")
    say(f'{name} = {{ warn = {warn:g}, bad = {bad:g}, because = "" }}')


def _share(share: float) -> str:
    if share == 0:
        return "none of them"
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _key(name: str) -> str:
    """As TOML has it: an environment may be called anything."""
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isascii() and bare.isalnum() else codec.dumps(name)
