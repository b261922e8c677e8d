"""How long a checklist of all our questions takes on the lab, from its trigger to its table; beside one by one.

    python -m tests.benchmarks.morning [ROUNDS] [--json FILE]

Every question that a checklist of ours asks and the lab can answer is asked by one checklist. Two baselines, in the
same run: the same questions one after the other in this process, and each as a run of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.publish import publish
from deployments.stack import Stack
from flows.journal import kinds
from flows.run.trigger import trigger
from flows.told.follow import follow
from runbooks.catalog import Catalog
from runbooks.checklist import Health
from runbooks.model import AnyCheck
from tasks.config import LAB
from tasks.environment import Environment

SLUG = "bench/everything"
DECLARED = '''"""Everything at once."""

from datetime import time, timedelta

{imports}

from runbooks.cadence import Cadence
from runbooks.checklist import Health

health = Health(
    title="Everything", purpose="To see how long it takes.", keywords=("everything",),
    cadence=Cadence(at=time(7), due_for=timedelta(hours=1)),
    questions=({names}),
)
'''
# As many single runs are enough to know what one takes.
SINGLE = 5


def everything(catalog: Catalog, place: Environment) -> list[AnyCheck]:
    """The questions of all checklists that the lab can answer, each once."""
    asked = [one for entry in catalog if isinstance(entry.runbook, Health) for one in entry.runbook.questions]
    return [one for one in dict.fromkeys(asked) if not one.lacks(place.kinds)]


def declare(folder: Path, name: str, checks: list[AnyCheck]) -> None:
    """A team's file with a checklist of these questions."""
    imports = "\n".join(f"from {one.fn.__module__} import {one.name}" for one in checks)
    file = folder / "runbooks/bench" / f"{name}.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DECLARED.format(imports=imports, names=", ".join(one.name for one in checks) + ","))


def gone_through(here: Here, slug: str) -> float:
    """Seconds from the trigger until what it comes to is on record."""
    began = time.time()
    run = str(trigger(slug, {"environment": LAB}, kind=Health))
    entries = list(follow(here.journal(), run, within_s=120, every_s=0.05))
    checked = next(entry for entry in entries if entry.is_a(kinds.Checked))
    return datetime.fromisoformat(checked.at).timestamp() - began


def one_after_the_other(checks: list[AnyCheck], place: Environment) -> float:
    began = time.monotonic()
    for asked in checks:
        asked.ask(place)
    return time.monotonic() - began


def measured(here: Here, folder: Path, rounds: int) -> dict[str, float]:
    place = here.environment(LAB)
    checks = everything(here.catalog, place)
    declare(folder, "everything", checks)
    for asked in checks[:SINGLE]:
        declare(folder, asked.name.removeprefix("check_"), [asked])
    there = Here(here.home)
    publish(Catalog(tuple(entry for entry in there.catalog if entry.slug.startswith("bench/"))), there.config)
    one_after_the_other(checks, place)
    at_once, in_turn, alone = [], [], []
    for _ in range(rounds):
        at_once.append(gone_through(there, SLUG))
        in_turn.append(one_after_the_other(checks, place))
        singles = [f"bench/{one.name.removeprefix('check_').replace('_', '-')}" for one in checks[:SINGLE]]
        alone.append(statistics.mean(gone_through(there, slug) for slug in singles) * len(checks))
    return {
        "questions": float(len(checks)),
        "trigger_to_table_s": statistics.median(at_once),
        "one_after_the_other_s": statistics.median(in_turn),
        "each_a_run_of_its_own_s": statistics.median(alone),
    }


def main(rounds: int, file: Path | None) -> None:
    """Run and print; every process it starts ends with it."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as name:
        folder = Path(name)
        (folder / "environments.toml").write_text(f'[team]\nrunbooks = "{folder}/runbooks"\n')
        (folder / "runbooks/bench").mkdir(parents=True)
        os.environ["INCIDENT_HOME"] = str(folder / "state")
        os.environ["INCIDENT_CONFIG"] = str(folder / "environments.toml")
        home = Home(folder / "state")
        with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False):
            adopt(home)
            speak_to(stack)
            figures = measured(Here(home), folder, rounds)
    table = Table("figure", "", title=f"medians of {rounds}")
    for what, figure in figures.items():
        table.add_row(what, f"{figure:.2f}")
    for baseline in ("one_after_the_other_s", "each_a_run_of_its_own_s"):
        table.add_row(f"sooner than {baseline}", f"{figures[baseline] / figures['trigger_to_table_s']:.1f} times")
    Console().print(table)
    if file is not None:
        file.write_text(json.dumps(figures))


if __name__ == "__main__":
    told = sys.argv[1:]
    into = Path(told[told.index("--json") + 1]) if "--json" in told else None
    main(int(told[0]) if told and told[0].isdigit() else 3, into)
