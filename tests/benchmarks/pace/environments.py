"""The environments of these figures: clockworks that answer after so many seconds, and as many stagings as it takes."""

from __future__ import annotations

import re
from pathlib import Path

from deployments.home import Home
from runbooks.catalog import Catalog
from tasks.config import Config

TEAM = Path(__file__).parents[1] / "team"
# By environment, what each question of the clockwork takes.
CLOCKWORKS = {"second": 1.0, "moment": 0.0, "long": 15.0}
APPROVER = "lab-approver"

_CLOCKWORK = """
[environments.{name}]
kind = "lab"

[environments.{name}.approvers.{approver}]
roles = ["on-call", "senior"]
drill = true

[environments.{name}.systems.clockwork]
seconds = {seconds}
"""


def write(file: Path) -> None:
    """The team of these figures, and its clockworks."""
    team = f'[team]\nrunbooks = "{TEAM}/runbooks"\nsystems = "{TEAM}/systems"\n'
    clocks = (_CLOCKWORK.format(name=name, approver=APPROVER, seconds=each) for name, each in CLOCKWORKS.items())
    file.write_text(team + "".join(clocks), encoding="utf-8")


def watch_the_lab(file: Path, home: Home, watches: int) -> int:
    """Add stagings on the lab's systems until so many watches are asked; how many there are."""
    lab = home.lab_environment.read_text(encoding="utf-8")
    place = Config.load(file, home.lab_environment)
    catalog = Catalog.load(place.team)
    asked = sum(not watch.check.lacks(place.environment("lab").kinds) for _, watch in catalog.watches())
    needed = -(-watches // asked)
    with file.open("a", encoding="utf-8") as config:
        for number in range(needed):
            staging = lab.replace("environments.lab", f"environments.staging{number}")
            staging = staging.replace('kind = "lab"', 'kind = "staging"')
            # For the lab only.
            config.write("\n" + re.sub(r"(?m)^verification_hold_s .*$", "", staging))
    written = Config.load(file, home.lab_environment)
    # A watch that cannot look costs little, and its figure would mean nothing.
    for name in written.names:
        written.environment(name)
    return needed * asked


def rounds_asked() -> int:
    """How many rounds of watches have come to their end: none would make the figure beside it a good one."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        FlowFilter,
        FlowFilterName,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    ended = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED]))
    with get_client(sync_client=True) as client:
        return client.count_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=["watch"])), flow_run_filter=FlowRunFilter(state=ended)
        )
