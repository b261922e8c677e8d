"""How long people wait for machinery, and what it costs, each figure beside its baseline in the same run.

    python -m tests.benchmarks.pace [ROUNDS] [--crowd N] [--watched SECONDS] [--json FILE]

Prints medians; the file holds them by the same names. An incident's figures stand beside an empty flow's with Prefect's
own worker on the same server; the start of a stack that was up before, beside Prefect's bare server that was. Memory is
proportional (PSS). One machine's seconds say little; the ratios travel. `--crowd 0` and `--watched 0` leave those out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.publish import publish
from deployments.stack import Stack
from tests.benchmarks.pace import crowd, environments
from tests.benchmarks.pace.incident import one_drill, one_incident
from tests.benchmarks.pace.processes import at_rest, percent_of_a_core, processor_s
from tests.benchmarks.pace.stock import StockWorker, second_bare_server_s, stock_worker

WATCHES = 200
# Prefect's own worker starts each run in a process of its own, all at once: as many as this machine bears.
STOCK_BURST = 20
# What a run leaves to do after its incident has ended.
SAYS_GOODBYE_S = 2.0
# After a burst Prefect's server still records task runs, events and logs.
RECORDS_FOR_S = 60.0
BASELINES = {
    "trigger_to_first_finding_s": "empty_stock_start_s",
    "answer_to_intent_s": "empty_stock_start_s",
    "second_up_s": "second_bare_server_start_s",
    "incident_processor_s": "empty_stock_processor_s",
    "running_incident_mib": "stock_run_mib",
    "burst_s": "burst_stock_s",
    "answer_to_intent_in_a_crowd_s": "answer_to_intent_s",
    "waiting_crowd_percent": "idle_stack_percent",
}

Found = dict[str, list[float]]


def _note(found: Found, name: str, value: float) -> None:
    """Each figure as it is found: all of them together take a quarter of an hour."""
    found[name].append(value)
    Console(stderr=True).print(f"{name} {value:.2f}", highlight=False)


def measured(rounds: int, incidents: int, watched_s: float) -> Found:
    """Every figure by its key, one value a round; every process it starts ends with it."""
    found: Found = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        home = Home(Path(folder) / "state")
        os.environ["INCIDENT_HOME"] = str(home.root)
        os.environ["INCIDENT_CONFIG"] = str(Path(folder) / "environments.toml")
        environments.write(home.config)
        with servers.up(home, daemon=False):
            Stack.up(home, port=free_port()).close()
            _note(found, "second_bare_server_start_s", second_bare_server_s(Path(folder) / "bare"))
            began = time.monotonic()
            with Stack.up(home, port=free_port()) as stack:
                _note(found, "second_up_s", time.monotonic() - began)
                for name, value in at_rest(stack.supervisor.pid).items():
                    _note(found, name, value)
                _live(stack, home, rounds, incidents, found)
                if watched_s:
                    _watch(stack, home, watched_s, found)
    return found


def _live(stack: Stack, home: Home, rounds: int, incidents: int, found: Found) -> None:
    here = _published(stack, home)
    with stock_worker(stack) as stock:
        for _ in range(rounds):
            _note(found, "empty_stock_start_s", stock.start_s())
            first, second = one_incident(here)
            _note(found, "trigger_to_first_finding_s", first)
            _note(found, "answer_to_intent_s", second)
            _note(found, "six_questions_to_plan_s", crowd.questions_to_plan_s(here, "second"))
            _spend(stack, here, stock, found)
        _note(found, "stock_run_mib", stock.run_mib())
        _note(found, "running_incident_mib", crowd.running_mib(stack, here))
        if incidents:
            _note(found, "burst_stock_s", stock.burst_s(STOCK_BURST) * incidents / STOCK_BURST)
    if incidents:
        _crowd(stack, here, incidents, found)


def _published(stack: Stack, home: Home) -> Here:
    adopt(home)
    speak_to(stack)
    here = Here(home)
    publish(here.catalog, here.config)
    return here


def _spend(stack: Stack, here: Here, stock: StockWorker, found: Found) -> None:
    _note(found, "empty_stock_processor_s", stock.start_processor_s())
    before = processor_s(stack.supervisor.pid)
    one_drill(here)
    time.sleep(SAYS_GOODBYE_S)
    _note(found, "incident_processor_s", processor_s(stack.supervisor.pid) - before)


def _crowd(stack: Stack, here: Here, incidents: int, found: Found) -> None:
    """A burst, and what it costs that they wait."""
    lived = crowd.burst(stack, here, incidents)
    _note(found, "burst_s", lived.seconds)
    _note(found, "burst_processor_s_each", lived.processor_s / incidents)
    _note(found, "burst_most_processes", lived.most_processes)
    _note(found, "burst_slowest_answer_s", lived.slowest_page_s)
    time.sleep(RECORDS_FOR_S)
    _note(found, "waiting_crowd_percent", crowd.waiting_percent(stack))
    for incident in lived.incidents[:3]:
        _note(found, "answer_to_intent_in_a_crowd_s", crowd.answer_to_intent_s(here, incident))


def _watch(stack: Stack, home: Home, for_s: float, found: Found) -> None:
    """What all watches take of a core, beside the rest, over so many seconds."""
    watches = environments.watch_the_lab(home.config, home, WATCHES)
    _published(stack, home)
    percent = percent_of_a_core(stack.supervisor.pid, for_s)
    _note(found, "watches", watches)
    _note(found, "watch_rounds", environments.rounds_asked())
    _note(found, "watches_percent", percent - found["idle_stack_percent"][0])


def table(found: Mapping[str, list[float]]) -> Table:
    """Medians, and beside what has a baseline the ratio to it."""
    shown = Table("figure", "median", "min", "max", "of its baseline", title="The pace")
    for name, values in found.items():
        middle = statistics.median(values)
        base = found.get(BASELINES.get(name, ""))
        ratio = f"{middle / statistics.median(base):.2f}" if base else ""
        shown.add_row(name, f"{middle:.2f}", f"{min(values):.2f}", f"{max(values):.2f}", ratio)
    return shown


def main() -> None:
    """Measure, print, and write the medians where they are wanted."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.pace")
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    parser.add_argument("--crowd", type=int, default=200, metavar="N", help="incidents at once")
    parser.add_argument("--watched", type=float, default=600, metavar="SECONDS", help="how long watches are counted")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    found = measured(given.rounds, given.crowd, given.watched)
    Console().print(table(found))
    if given.json:
        medians = {name: statistics.median(values) for name, values in found.items()}
        given.json.write_text(json.dumps(medians, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
