"""How long a few requests took, said with no more certainty than a few requests give."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Below it, the 95th percentile is the slowest one: an accident, or every fifth visitor; nobody can tell which.
ENOUGH_FOR_P95 = 20


def percentile(took_s: Sequence[float], share: float) -> float:
    """The nearest rank: the least of those measured that is not below `share` of them. Nothing is interpolated."""
    ordered = sorted(took_s)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(took_s: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the longest, in seconds."""
    shares = {"p50_s": 0.5, "p95_s": 0.95, "p99_s": 0.99, "longest_s": 1.0}
    return {name: percentile(took_s, share) for name, share in shares.items()}


def caution(samples: int) -> str:
    """What must be said beside percentiles of so few; empty where there are enough."""
    if samples >= 100:
        return ""
    which = "p99 is" if samples >= ENOUGH_FOR_P95 else "p95 and p99 are"
    return f"of {requests(samples)}, {which} simply the slowest"


def requests(number: int) -> str:
    """'1 request', '5 requests'."""
    return f"{number} request{'s' if number != 1 else ''}"
