"""How long the whole chain of `application/down` takes on the lab, beside its slowest question.

    python -m tests.benchmarks.chain [ROUNDS] [--json FILE]

From the moment the incident is opened to the last of its twelve answers. The goal is the slowest question + 0.5 s; one
machine's seconds say little, so what the whole takes beyond its slowest question is told beside it, and what the same
questions take one after the other. That everything hangs is a test's: tests/flows/life/test_hanging.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.stack import Stack
from tests.benchmarks.diagnosis_time import measure_time

SLUG = "application/down"
LAB = "lab"


def main(rounds: int, file: Path | None) -> None:
    """Run and print; every process it starts ends with it."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False):
            adopt(home)
            speak_to(stack)
            here = Here(home)
            place = here.environment(LAB)
            took = measure_time([here.catalog.get(SLUG)], place, here.journal(place), rounds)
    figures = {
        "questions": float(len(took.asks[SLUG])),
        "whole_s": statistics.median(took.whole[SLUG]),
        "slowest_alone_s": took.slowest(SLUG),
        "beyond_its_slowest_s": statistics.median(took.beyond[SLUG]),
        "one_after_the_other_s": took.in_turn(SLUG),
    }
    table = Table("figure", "", title=f"medians of {rounds}")
    for what, figure in figures.items():
        table.add_row(what, f"{figure:.2f}")
    for name, seconds in took.alone.items():
        table.add_row(name, f"{statistics.median(seconds):.2f}")
    Console().print(table)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.chain", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    asked = parser.parse_args()
    main(asked.rounds, asked.json)
