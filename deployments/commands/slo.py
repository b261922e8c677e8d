"""incident slo: what was promised, and how much of the budget is left."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from deployments.commands.context import here
from deployments.commands.measured import measured
from deployments.commands.terminal import COLOURS, console, print_json, show_line
from flows.journal.series import Series
from flows.run.clock import now
from flows.told.slo import Standing, said, stand
from tasks.model import Verdict

EXAMPLE = """[[environments.{environment}.objectives]]
name = "the database answers"
check = "check_connections"
good = "not BAD"
target = 0.999"""


def slo(*, environment: str, json: bool = False) -> int:
    """Show where each objective of an environment stands: the share of good time, the budget left, how fast it burns.

    BAD: the budget burns 14.4 times too fast, over an hour and the last 5 minutes of it. WARN: six times over 6 hours
    and the last 30 minutes, or the budget is spent. UNKNOWN: nothing was measured of late. Exit code 1 unless all are
    OK.

    Parameters
    ----------
    environment
        Whose objectives: [[environments.NAME.objectives]] in environments.toml.
    json
        Print a JSON list instead.
    """
    at = here()
    objectives = measured(at, environment).objectives
    if not objectives and not json:
        console.print(f"{environment} has no objectives. For example, in environments.toml:")
        console.print(EXAMPLE.format(environment=environment))
        return 0
    read, until = at.journal().series, now()
    found = []
    for one in objectives:
        series = Series(environment=environment, check=one.check, fact=one.fact)
        points = read.points(series, until - timedelta(days=one.window_days), until)
        found.append(stand(one, points, until))
    if json:
        print_json([_as_json(one) for one in found])
    else:
        for standing in found:
            show_line(standing.verdict.name, said(standing), COLOURS[standing.verdict])
    return 0 if all(one.verdict is Verdict.OK for one in found) else 1


def _as_json(one: Standing) -> Mapping[str, object]:
    return {
        **one.objective.model_dump(),
        "verdict": one.verdict.name,
        "share": one.share,
        "good_s": one.good_s,
        "bad_s": one.bad_s,
        "unmeasured_s": one.unmeasured_s,
        "budget_s": one.budget_s,
        "left_s": one.left_s,
        "burns": [
            {
                "verdict": burn.alarm.verdict.name,
                "from": burn.alarm.rate,
                "long_s": burn.alarm.long.total_seconds(),
                "long": burn.long,
                "short_s": burn.alarm.short.total_seconds(),
                "short": burn.short,
                "told": burn.told,
            }
            for burn in one.burns
        ],
    }
