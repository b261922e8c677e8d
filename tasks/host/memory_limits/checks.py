"""What we ask about memory that ran out: whom did the kernel end, and which service is near its own limit?"""

from __future__ import annotations

import time

from tasks.amounts import size, stretch
from tasks.check import check
from tasks.host.machine import Machine
from tasks.host.memory_limits.groups import limited
from tasks.host.memory_limits.killed import Killed, counted, logged
from tasks.host.system import here
from tasks.model import Earlier, Finding, Threshold, Verdict

# Without an earlier look: what came down within the hour is what somebody asks about.
LATELY_S = 3600.0
SHOWN = 20

OF_ITS_LIMIT = Threshold(
    warn=0.2,
    bad=0.1,
    because="Owner: the team on call. Seed S4 calls more than 90 % used high. At its limit the kernel ends a process "
    "of the service at once, however much the machine has left.",
)


@check
def check_killed_for_memory(host: Machine, earlier: Earlier | None = None) -> Finding:
    """Has the kernel ended a process because memory ran out?

    Since the last look, or within the hour. Counted by the kernel (in a container, its own); who it was tells the
    kernel's log, which only root may read on most machines. A process that is started anew looks well again: its
    victim, a job or a request, is not told by anything else.
    """
    machine = here(host)
    total, told = counted(machine.cgroup), logged()
    before = earlier.facts.get("killed") if earlier and earlier.facts.get("host") == machine.address else None
    since_s = earlier.at_s if earlier and before is not None else time.time() - LATELY_S
    named = [one for one in told or [] if one.at_s >= since_s]
    grown = total - before if total is not None and isinstance(before, int) and before <= total else 0
    number = max(grown, len(named))

    if total is None and told is None:
        return Finding.unknown(
            f"{machine.address}: whether the kernel ended processes for memory is neither counted nor readable."
        )
    return Finding(
        verdict=Verdict.BAD if number else Verdict.OK,
        says=_said(machine.address, number, named, total, since_s, readable=told is not None),
        value=float(number),
        unit="processes",
        facts={"host": machine.address, "killed": total or 0},
        rows=[
            {"ago_s": round(time.time() - one.at_s), "program": one.program, "pid": one.pid, "own_bytes": one.own,
             "by_its_own_limit": one.by_its_limit}
            for one in named[-SHOWN:]
        ],
    )  # fmt: skip


@check
def check_memory_limits(host: Machine, left: Threshold = OF_ITS_LIMIT) -> Finding:
    """Is a service or container near its own memory limit?

    Those that have one: file contents that are given back on demand do not count as used. The kernel ends a process of
    whatever reaches its limit, though the machine has room.
    """
    machine = here(host)
    found = limited(machine.cgroup)
    if not found:
        return Finding(
            verdict=Verdict.OK,
            says=f"{machine.address}: no service or container has a memory limit of its own that is seen from here.",
        )
    worst = found[0]
    share = worst.left / worst.memory
    killed = f"; {worst.killed:,} of its processes were ended for memory since it started" if worst.killed else ""
    return Finding(
        verdict=left.judge(share),
        says=f"{worst.name} has {size(worst.left)} of its {size(worst.memory)} left, {share:.0%} (bad below "
        f"{left.bad:.0%}){killed}.",
        value=share,
        unit="ratio",
        rows=[
            {"service": one.name, "limit_bytes": one.memory, "left_bytes": one.left, "ended_for_memory": one.killed}
            for one in found[:SHOWN]
        ],
    )


def _said(address: str, number: int, named: list[Killed], total: int | None, since_s: float, *, readable: bool) -> str:
    over = f"within the last {stretch(time.time() - since_s)}"
    ever = f" ({total:,} since it started)" if total else ""
    if not number:
        return f"{address}: the kernel ended no process for memory {over}{ever}."
    if not named:
        blind = "its log tells of none any more" if readable else "its log, which would name them, may not be read"
        return f"{address}: the kernel ended {number:,} for memory {over}{ever}; {blind}."
    last = named[-1]
    limit = "at the limit of its service or container" if last.by_its_limit else "as the machine had none left"
    return (
        f"{address}: the kernel ended {number:,} for memory {over}{ever}, {last.program} (pid {last.pid}, "
        f"{size(last.own)}) last, {limit}."
    )
