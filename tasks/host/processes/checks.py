"""What we ask about the processes of a machine: does one grow without end, does one use up a processor?"""

from __future__ import annotations

from tasks.amounts import size, stretch
from tasks.check import check
from tasks.host.machine import Machine
from tasks.host.processes.judged import KEPT, Pace, grown, kept, known_growth, known_work, worked
from tasks.host.processes.running import Process, proportional, sampled
from tasks.host.system import here
from tasks.model import Earlier, Finding, Row, Threshold, Verdict

MINUTE_S, HOUR_S = 60.0, 3600.0

MEMORY_LEFT = Threshold(
    warn=24 * HOUR_S,
    bad=4 * HOUR_S,
    because="Owner: the team on call. In seconds until what is available is used up at this pace. Within four hours "
    "somebody must act; a day is time enough for the next deployment to mend it.",
)
GROWN_OVER = Threshold(
    warn=10 * MINUTE_S,
    bad=30 * MINUTE_S,
    because="Owner: the team on call. A program that starts, or fills its cache, grows for minutes and stops; half an "
    "hour without an end is a leak.",
)
OF_ONE_CORE = Threshold(
    warn=0.8,
    bad=0.95,
    because="Owner: the team on call. One thread that never waits uses one core whole. Seed S4 calls more than 80 % "
    "high.",
)
BUSY_OVER = Threshold(
    warn=MINUTE_S,
    bad=5 * MINUTE_S,
    because="Owner: the team on call. Work that takes a processor for a minute is every day's; for five minutes "
    "without a pause, nobody waits for its answer any more.",
)


@check
def check_growing_processes(
    host: Machine, left: Threshold = MEMORY_LEFT, over: Threshold = GROWN_OVER, earlier: Earlier | None = None
) -> Finding:
    """Does a process grow without end?

    By what each holds in memory for itself, without files and shared memory; the rows add its share of what is shared
    (PSS) where that may be read. A large one is no leak: it has to grow over earlier looks, by the median of its pace.
    Two seconds are watched, too, which show what grows just now.
    """
    machine = here(host)
    memory = machine.memory()
    sample = sampled(machine.programs)
    known = known_growth(sample, earlier, machine.address)
    paces = grown(sample, known, memory.available, left, over)
    worst = paces[0] if paces and paces[0].verdict else None

    largest = sample.processes[0] if sample.processes else None
    spans = [known[one.identity] for one in sample.processes]
    watched_s = max((span[-1][0] - span[0][0] for span in spans), default=0.0)
    return Finding(
        verdict=worst.verdict if worst else Verdict.OK,
        says=_grows(worst, memory.available, left) if worst else _none_grows(machine.address, largest, watched_s),
        value=worst.a_second if worst else 0.0,
        unit="bytes a second",
        facts=kept(
            machine.address, {one.identity: [list(look) for look in known[one.identity]] for one in sample.processes}
        ),
        rows=[_growth(pace) for pace in paces[:KEPT]],
    )


@check
def check_spinning_processes(
    host: Machine, spinning: Threshold = OF_ONE_CORE, over: Threshold = BUSY_OVER, earlier: Earlier | None = None
) -> Finding:
    """Does a process use up a processor without pause?

    Since the last look, and within two seconds. Several threads may use more than one core. Whether it does something
    useful nobody can see from outside: its own log tells.
    """
    machine = here(host)
    sample = sampled(machine.programs)
    paces = worked(sample, known_work(earlier, machine.address), spinning, over)
    worst = paces[0] if paces else None

    return Finding(
        verdict=worst.verdict if worst else Verdict.OK,
        says=_spins(worst, spinning) if worst else f"{machine.address}: no process is there that could be busy.",
        value=worst.a_second if worst else 0.0,
        unit="cores",
        facts=kept(machine.address, {p.process.identity: [p.process.at_s, p.process.cpu_s] for p in paces}),
        rows=[_work(pace) for pace in paces[:KEPT] if pace.a_second > 0],
    )


def _grows(worst: Pace, available: float, left: Threshold) -> str:
    until = available / worst.a_second
    return (
        f"{worst.process.said} grows by {size(worst.a_second * MINUTE_S)} a minute, for {_over(worst.over_s)}, and "
        f"holds {size(worst.process.own)}: the {size(available)} that are left are used up in {stretch(until)} "
        f"(bad from {stretch(left.bad)})."
    )


def _none_grows(address: str, largest: Process | None, over_s: float) -> str:
    if largest is None:
        return f"{address}: no process is there that could grow."
    since = f", over {_over(over_s)}" if over_s else "; from now on it is watched which do"
    return (
        f"{address}: no process grows without end{since}; the largest is {largest.said} with "
        f"{size(largest.own)} of its own."
    )


def _growth(pace: Pace) -> Row:
    return {
        **pace.process.row,
        "with_its_share_of_what_is_shared_bytes": proportional(pace.process.pid),
        "grows_bytes_a_minute": round(pace.a_second * MINUTE_S),
        "over_s": round(pace.over_s),
    }


def _spins(worst: Pace, spinning: Threshold) -> str:
    return (
        f"{worst.process.said} used {worst.a_second:.0%} of a core for {_over(worst.over_s)} "
        f"(bad from {spinning.bad:.0%})."
    )


def _work(pace: Pace) -> Row:
    return {
        "pid": pace.process.pid,
        "program": pace.process.program,
        "service": pace.process.unit,
        "cores": round(pace.a_second, 2),
        "over_s": round(pace.over_s),
        "cpu_s": round(pace.process.cpu_s),
    }


def _over(seconds: float) -> str:
    return stretch(seconds) if seconds >= 2 * MINUTE_S else f"{seconds:.0f} s"
