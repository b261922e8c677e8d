"""What a diagnosis of the database category takes, and what it costs the server.

    python -m tests.benchmarks.diagnosis [ROUNDS] [--json FILE] [--chart FILE]

On a database of 1,000 tables and 5,000 indexes: each question alone, and each runbook's diagnosis as the incident flow
asks it, all at once; the goals are the slowest question + 0.5 s, and 3 s. On the lab's application under pgbench: its
transactions a second beside the watches at their own pace and beside questions back to back, in rounds that take turns,
and the processor time of the backends that answer. One machine's seconds say little; the ratios travel.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.lab import Lab
from deployments.ports import free_port
from deployments.stack import Stack
from tests.benchmarks import wide
from tests.benchmarks.diagnosis_cost import measure_cost
from tests.benchmarks.diagnosis_report import show
from tests.benchmarks.diagnosis_time import measure_time

GROWN = "grown"


def main(rounds: int, as_json: Path | None, as_chart: Path | None) -> None:
    """Run and show; every process it starts ends with it."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False) as lab:
            os.environ["INCIDENT_CONFIG"] = str(_grown(Path(folder), home, lab))
            adopt(home)
            speak_to(stack)
            here = Here(home)
            database = [entry for entry in here.catalog if entry.category == "database"]
            took = measure_time(database, here.environment(GROWN), here.journal(here.environment(GROWN)), rounds)
            cost = measure_cost(database, here.environment("lab"), rounds)
    show(took, cost, rounds, as_json, as_chart)


def _grown(folder: Path, home: Home, lab: Lab) -> Path:
    """The lab's environment once more, its database the wide one."""
    wide.build(lab.url("postgres"))
    text = home.lab_environment.read_text(encoding="utf-8").replace("environments.lab", f"environments.{GROWN}")
    config = folder / "environments.toml"
    application = urlsplit(lab.url("app")).path
    config.write_text(text.replace(f'{application}"', f'/{wide.DATABASE}"'), encoding="utf-8")
    return config


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.diagnosis", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--chart", type=Path, help="draw them into this SVG")
    asked = parser.parse_args()
    main(asked.rounds, asked.json, asked.chart)
