"""Which process grows, and which one uses up a processor: from looks within seconds, and since earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tasks.growth import Look, looks, per_second, with_look
from tasks.host.processes.running import Process, Sample
from tasks.model import Earlier, Json, Row, Threshold, Verdict

# Looks that follow each other within five minutes count once; eight of them reach back over half an hour.
LOOK_EVERY_S = 300.0
LOOKS_KEPT = 8
TREND_FROM_S = 600.0
# Of so many something is kept from look to look: what uses up a machine is among the largest.
KEPT = 10


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a process does: so much a second (bytes, or seconds of processor time), for so long."""

    process: Process
    a_second: float
    over_s: float
    verdict: Verdict

    @property
    def worse(self) -> tuple[int, float]:
        return int(self.verdict), self.a_second


def grown(
    sample: Sample, known: Mapping[str, Sequence[Look]], available: float, left: Threshold, over: Threshold
) -> list[Pace]:
    """How fast each process grows, by the worse of what seconds show and what earlier looks do.

    The worst first; of those that are well, the largest.
    """
    found = []
    for process in sample.processes:
        spans = [(sample.own[process.identity], 0.0), (known.get(process.identity, ()), TREND_FROM_S)]
        found.append(max((_grows(process, span, least, available, left, over) for span, least in spans), key=_worse))
    return sorted(found, key=lambda one: (-one.verdict, -one.a_second if one.verdict else 0.0, -one.process.own))


def worked(sample: Sample, earlier: Mapping[str, Look], share: Threshold, over: Threshold) -> list[Pace]:
    """How much of one processor each process uses, the worst first: within seconds, and since the earlier look."""
    found = []
    for process in sample.processes:
        seen = sample.cpu[process.identity]
        firsts = [seen[0], *([earlier[process.identity]] if process.identity in earlier else [])]
        found.append(max((_works(process, first, seen[-1], share, over) for first in firsts), key=_worse))
    return sorted(found, key=lambda one: (-one.verdict, -one.a_second))


def known_growth(sample: Sample, earlier: Earlier | None, address: str) -> dict[str, list[Look]]:
    """The looks at each process since it began, this one among them."""
    before = _before(earlier, address)
    return {
        one.identity: with_look(
            looks(before.get(one.identity)), one.at_s, one.own, every_s=LOOK_EVERY_S, kept=LOOKS_KEPT
        )
        for one in sample.processes
    }


def known_work(earlier: Earlier | None, address: str) -> dict[str, Look]:
    """The last look at each process: when, and how much processor time it had used."""
    told = {name: looks([look]) for name, look in _before(earlier, address).items()}
    return {name: look[0] for name, look in told.items() if look}


def kept(address: str, of: Mapping[str, Json]) -> Row:
    """What the next look wants to know."""
    return {"host": address, "looks": dict(list(of.items())[:KEPT])}


def _before(earlier: Earlier | None, address: str) -> Mapping[str, Json]:
    told = earlier.facts.get("looks") if earlier and earlier.facts.get("host") == address else None
    return told if isinstance(told, Mapping) else {}


def _grows(
    process: Process, span: Sequence[Look], least_s: float, available: float, left: Threshold, over: Threshold
) -> Pace:
    rate, over_s = per_second(span, at_least_s=least_s) or 0.0, span[-1][0] - span[0][0] if span else 0.0
    verdict = min(left.judge(available / rate), over.judge(over_s)) if rate > 0 else Verdict.OK
    return Pace(process=process, a_second=rate, over_s=over_s, verdict=verdict)


def _works(process: Process, first: Look, last: Look, share: Threshold, over: Threshold) -> Pace:
    over_s = last[0] - first[0]
    used = max(0.0, last[1] - first[1]) / over_s if over_s > 0 else 0.0
    return Pace(process=process, a_second=used, over_s=over_s, verdict=min(share.judge(used), over.judge(over_s)))


def _worse(one: Pace) -> tuple[int, float]:
    return one.worse
