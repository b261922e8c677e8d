"""What a diagnosis of mail takes through Prefect, and what memory a bounce of 50 MB takes.

    python -m tests.benchmarks.mail [ROUNDS] [--json FILE]

The diagnosis of email/deliverability-degradation in the lab, all questions at once; the goal is the slowest of them, as
it ran beside the others, + 0.7 s. The memory is the peak of a process that asks about a mailbox, above that of one
whose mailbox holds a small report; beside what Python's own parser takes for the same message, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from deployments import lab as servers
from deployments.commands.context import Here, adopt, speak_to
from deployments.home import Home
from deployments.ports import free_port
from deployments.stack import Stack
from tests.benchmarks.diagnosis_time import Took, measure_time
from tests.tasks.bounces.mailbox import deliver, failed, mailbox

SLUG = "email/deliverability-degradation"
# Issue 13.
OVERHEAD_S = 0.7
MB = 2**20
LARGE_MB = 50
REPORTS = 20
# Each in a process of its own, which tells its peak in kB (Linux).
OURS = """
import resource, sys
from pathlib import Path
from tasks.bounces.checks import check_returned_mails
from tasks.bounces.system import Bounces
found = check_returned_mails.fn(Bounces(maildir=Path(sys.argv[1])))
print(found.value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
PYTHONS = """
import email, resource, sys
from pathlib import Path
import tasks.bounces.checks
told = sum(
    part.get_content_type() == "message/delivery-status"
    for file in sorted(Path(sys.argv[1], "new").iterdir())
    for part in email.message_from_bytes(file.read_bytes()).walk()
)
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main(rounds: int, as_json: Path | None) -> None:
    """Run and show; every process it starts ends with it."""
    with tempfile.TemporaryDirectory(prefix="incident-bench-") as folder:
        memory = measure_memory(Path(folder))
        took = measured(Path(folder), rounds)
    slowest = statistics.median(whole - over for whole, over in zip(took.whole[SLUG], took.beyond[SLUG], strict=True))
    figures = {
        "whole_s": statistics.median(took.whole[SLUG]),
        "slowest_beside_the_others_s": slowest,
        "beyond_s": statistics.median(took.beyond[SLUG]),
        "in_turn_s": took.in_turn(SLUG),
    }
    print(f"{SLUG}: {figures['whole_s']:.2f} s for {len(took.asks[SLUG])} questions, the slowest {slowest:.2f} s")
    met = "met" if figures["beyond_s"] <= OVERHEAD_S else "missed"
    print(f"  beyond the slowest {figures['beyond_s']:.2f} s (goal {OVERHEAD_S} s: {met})")
    print(f"  {figures['whole_s'] / figures['in_turn_s']:.2f} of what the questions take in turn")
    for name, peak in memory.items():
        told = f"{peak['times']:.2f} times the peak of a small report's ({peak['more_mb']:.0f} MB more)"
        print(f"memory, {LARGE_MB} MB a report, {name}: {told}")
    if as_json:
        as_json.write_text(json.dumps({**figures, "memory": memory}, indent=2) + "\n", encoding="utf-8")


def measured(folder: Path, rounds: int) -> Took:
    home = Home(folder / "state")
    os.environ["INCIDENT_HOME"] = str(home.root)
    with Stack.up(home, port=free_port()) as stack, servers.up(home, daemon=False):
        adopt(home)
        speak_to(stack)
        here = Here(home)
        place = here.environment("lab")
        entries = [entry for entry in here.catalog if entry.slug == SLUG]
        return measure_time(entries, place, here.journal(place), rounds)


def measure_memory(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """The peak over that of a process which reads a small report: ours of one and of many, Python's parser of one."""
    small = failed(("jane@example.com", "5.1.1", "550 5.1.1 user unknown"))
    line = b"x" * 75 + b"\n"
    large = small.replace(b"Hello.\n\n--b--", line * (LARGE_MB * MB // len(line)) + b"\n--b--")
    for name, content, number in (("small", small, 1), ("one", large, 1), ("many", large, REPORTS)):
        mailbox(folder / name)
        for _ in range(number):
            deliver(folder / name, content)
    asked = {"ours, one": (OURS, "one"), f"ours, {REPORTS}": (OURS, "many"), "Python's parser, one": (PYTHONS, "one")}
    told = {}
    for name, (script, read) in asked.items():
        base, peak = (_peak_mb(script, folder / one) for one in ("small", read))
        told[name] = {"times": peak / base, "more_mb": peak - base}
    return told


def _peak_mb(script: str, maildir: Path) -> float:
    said = subprocess.run([sys.executable, "-c", script, str(maildir)], check=True, capture_output=True, text=True)
    reports, peak_kb = said.stdout.split()
    assert float(reports) >= 1, "the report was not read"
    return float(peak_kb) / 1024


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.mail", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    asked = parser.parse_args()
    main(asked.rounds, asked.json)
