"""What processes cost: memory, and time on the processor. Linux only."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from deployments.process_table import descendants

# The worker's processes are forked by then, and what a start left to do is done.
SETTLES_WITHIN_S = 20.0
RESTS_FOR_S = 60.0


def memory_mib(top: int) -> float:
    """Proportional set size of a process and everything below it."""
    total = 0
    for pid in {top, *descendants(top)}:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended while we looked
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def processor_s(top: int) -> float:
    """Processor time that a process and everything below it have taken so far, whoever ended by now included."""
    taken = 0
    for pid in {top, *descendants(top)}:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            # Its own, and that of the children it has waited for.
            taken += sum(map(int, fields[11:15]))
    return taken / os.sysconf("SC_CLK_TCK")


def percent_of_a_core(top: int, for_s: float) -> float:
    """What a process and everything below it take, over so many seconds."""
    before = processor_s(top)
    time.sleep(for_s)
    return 100 * (processor_s(top) - before) / for_s


def at_rest(top: int) -> dict[str, float]:
    """What a stack costs that has nothing to do: memory, and part of a core."""
    time.sleep(SETTLES_WITHIN_S)
    percent = percent_of_a_core(top, RESTS_FOR_S)
    return {"idle_stack_mib": memory_mib(top), "idle_stack_percent": percent}
