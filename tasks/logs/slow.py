"""Durations, counted in steps of two percent: their percentiles without keeping each."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tasks.excerpt import excerpt
from tasks.logs.template import template
from tasks.model import Json, Row

STEP = math.log(1.02)
# A microsecond. Nothing shorter is told apart.
SHORTEST_S = 1e-6
SHOWN = 5
LONGEST_NAME = 120


@dataclass
class Durations:
    """How long one service's work took, in seconds, and the slowest of it by name."""

    steps: Counter[int] = field(default_factory=Counter)
    number: int = 0
    longest_s: float = 0.0
    _slowest: list[tuple[float, str]] = field(default_factory=list)

    def add(self, seconds: float, name: Callable[[], str], *, over_s: float, weight: int = 1) -> None:
        """Count one, as `weight` of its like; it is asked for its `name` only if it is slow, and among the slowest."""
        self.number += weight
        self.longest_s = max(self.longest_s, seconds)
        self.steps[round(math.log(max(seconds, SHORTEST_S)) / STEP)] += weight
        if seconds >= over_s and (len(self._slowest) < SHOWN or seconds > self._slowest[0][0]):
            heapq.heappush(self._slowest, (seconds, excerpt(template(name()), LONGEST_NAME)))
            if len(self._slowest) > SHOWN:
                heapq.heappop(self._slowest)

    def percentile(self, share: float) -> float:
        """The nearest rank, within a step."""
        wanted, passed = math.ceil(share * self.number), 0
        for step, times in sorted(self.steps.items()):
            passed += times
            if passed >= wanted:
                return math.exp(step * STEP)
        return 0.0

    @property
    def slowest(self) -> list[Row]:
        return [{"what": name, "took_s": seconds} for seconds, name in sorted(self._slowest, reverse=True)]

    @property
    def facts(self) -> dict[str, Json]:
        shares = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99}
        told: dict[str, Json] = {name: self.percentile(share) for name, share in shares.items()}
        return {"number": self.number, **told, "longest_s": self.longest_s}
