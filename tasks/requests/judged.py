"""Which endpoint fails most, or is slowest, within the last minutes, and since when it does so."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tasks.logs.system import Logs
from tasks.model import Threshold, Verdict
from tasks.rates import Rate
from tasks.requests.onset import Onset, onset
from tasks.requests.quantile import Quantile, quantile
from tasks.requests.traffic import NOT_FOUND, Kind, Samples, Traffic, traffic

FAILED = Threshold(
    warn=0.01,
    bad=0.05,
    because="Owner: the team on call. The share of requests that are answered with 5xx, within five minutes: at one in "
    "a hundred each busy user has met one, at one in twenty most have.",
)
SLOWEST = Threshold(
    warn=0.5,
    bad=2,
    because="Owner: the team on call. The 95th percentile of an endpoint, in seconds, as its own server measures it "
    "(seeds S0 and S2: 500 ms). At 2 s people leave; a probe from outside has limits of its own.",
)
# Below it, one failed request moves the share by more than the limit that warns.
ENOUGH = 100
SHARES = (0.5, 0.95, 0.99)
# Of what is as bad as the worst, so many are asked since when: one that had trouble before tells it less clearly.
MOST_SICK = 5


@dataclass(frozen=True, kw_only=True)
class Sick:
    """What is too bad now: an endpoint of a service (or the whole service), and since when it is so."""

    kind: Kind
    since: Onset | None

    @property
    def name(self) -> str:
        return named(self.kind)


@dataclass(frozen=True, kw_only=True)
class Timed:
    """How long the requests to one endpoint took: half of them, 95 and 99 of a hundred."""

    kind: Kind
    p50: Quantile
    p95: Quantile
    p99: Quantile

    @property
    def enough(self) -> bool:
        return self.p95.number >= ENOUGH

    def judge(self, limits: Threshold) -> Verdict:
        """BAD only where the lower bound is: what may be an accident of a hundred requests is a warning."""
        verdict = limits.judge(self.p95.value_s)
        sure = self.p95.least_s is not None and limits.judge(self.p95.least_s) is Verdict.BAD
        return Verdict.WARN if verdict is Verdict.BAD and not sure else verdict


def failing(found: Traffic, window_s: float) -> list[tuple[Kind, Rate]]:
    """The share of failed requests of each service (its endpoint is empty then) and each endpoint."""
    kinds: list[tuple[Kind, Samples]] = [((service, ""), one) for service, one in found.services.items()]
    kinds += found.endpoints.items()
    rates = []
    for kind, samples in kinds:
        places = samples.since(found.until_s - window_s)
        if places:
            part = sum(samples.failed[place] for place in places)
            rates.append((kind, Rate(part=part, whole=len(places), least=ENOUGH)))
    return rates


def most_failing(rates: Iterable[tuple[Kind, Rate]], failed: Threshold) -> tuple[Kind, Rate]:
    """Of those with enough requests the highest share, of the rest the most; an endpoint rather than its service."""

    def weight(one: tuple[Kind, Rate]) -> tuple[Verdict, bool, float, int, bool]:
        kind, rate = one
        return rate.judge(failed), rate.enough, rate.value or 0.0, rate.part, bool(kind[1])

    return max(rates, key=weight)


def timed(found: Traffic, access: Logs) -> list[Timed]:
    """Percentiles of each endpoint that tells how long it took, the slowest first."""
    unhurried = {(log.service, name) for log in access.files for name in log.unhurried}
    told = []
    for kind, samples in found.endpoints.items():
        if kind not in unhurried and kind[1] != NOT_FOUND:
            took = took_s(samples, found.until_s - access.window_s)
            if took:
                p50, p95, p99 = (quantile(took, share) for share in SHARES)
                told.append(Timed(kind=kind, p50=p50, p95=p95, p99=p99))
    return sorted(told, key=lambda one: -one.p95.value_s)


def took_s(samples: Samples, since_s: float) -> list[float]:
    """How long those took that tell it, in order."""
    return sorted(samples.took_s[n] for n in samples.since(since_s) if not math.isnan(samples.took_s[n]))


def slowest_of(enough: Iterable[Timed], limits: Threshold) -> Timed:
    return max(enough, key=lambda one: (one.judge(limits), one.p95.value_s))


def errors_since(access: Logs, failed: Threshold) -> list[Sick]:
    """What fails most now, if that is too much, and then what is as bad.

    Raises:
        CannotLook: no log could be read.
    """
    found = traffic(access)
    rates = [one for one in failing(found, access.window_s) if one[1].judge(failed)]
    if not rates:
        return []
    worst, rate = most_failing(rates, failed)
    alike = [kind for kind, other in rates if kind != worst and other.judge(failed) is rate.judge(failed)]
    kinds = [worst, *alike][:MOST_SICK]
    return [Sick(kind=kind, since=since(found.of(kind).failures(), found)) for kind in kinds]


def slow_since(access: Logs, slowest: Threshold) -> list[Sick]:
    """What is slowest now, if that is too slow, and then what is as bad.

    Raises:
        CannotLook: no log could be read.
    """
    found = traffic(access)
    slow = [one for one in timed(found, access) if one.enough and one.judge(slowest)]
    if not slow:
        return []
    worst = slowest_of(slow, slowest)
    alike = [one.kind for one in slow if one is not worst and one.judge(slowest) is worst.judge(slowest)]
    kinds = [worst.kind, *alike][:MOST_SICK]
    return [Sick(kind=kind, since=since(found.of(kind).slower(slowest.warn), found)) for kind in kinds]


def since(events: Iterable[tuple[float, bool]], found: Traffic) -> Onset | None:
    return onset(events, found.since_s, found.until_s)


def named(kind: Kind) -> str:
    """'GET /orders/:id of api', or the service alone."""
    return f"{kind[1]} of {kind[0]}" if kind[1] else kind[0]


def clock(at_s: float) -> str:
    """'14:03:20 UTC'."""
    return f"{datetime.fromtimestamp(at_s, UTC):%H:%M:%S} UTC"


def give_or_take(one: Onset) -> str:
    """'14:03:20 UTC ± 10 s'."""
    around = one.give_or_take_s
    return f"{clock(one.at_s)} ± {around / 60:.0f} min" if around >= 90 else f"{clock(one.at_s)} ± {around:.0f} s"
