"""Counts of the last minutes, over several looks: one that follows at once must not hide what the first one saw."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tasks.excerpt import excerpt
from tasks.logs.template import template
from tasks.model import Earlier, Json, Row

MOST_KEPT = 30
SHOWN, KEPT = 5, 8
SAMPLE = 200
# Different templates of one look; behind it, what is new is counted as one.
MOST_DIFFERENT = 2000
OTHERS = "(others)"


@dataclass
class Tally:
    """How often, by service and what is the same in the lines, with the first line of each."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, service: str, text: str, kind: str | None = None) -> None:
        """Count `text` among those like it, or among those of `kind`."""
        key = (service, template(text) if kind is None else kind)
        if key not in self.counts and len(self.counts) >= MOST_DIFFERENT:
            key = (service, OTHERS)
        self.counts[key] += 1
        if key not in self.samples:
            self.samples[key] = excerpt(text, SAMPLE)

    @property
    def look(self) -> dict[str, Json]:
        """By service, how often in all, and what most often."""
        total: Counter[str] = Counter()
        for (service, _), times in self.counts.items():
            total[service] += times
        top: list[Json] = [[*key, times, self.samples[key]] for key, times in self.counts.most_common(KEPT)]
        return {"total": dict(total), "top": top}


@dataclass(frozen=True, kw_only=True)
class Recent:
    """What was counted from `since_s` to `until_s` (Unix time), by service, and by kind; `top` as rows.

    `kept` is what the next look needs.
    """

    since_s: float
    until_s: float
    window_s: float
    total: Counter[str]
    kinds: Counter[str]
    top: list[Row]
    kept: Json = ()

    @property
    def minutes(self) -> float:
        """The time that counts are of; never less than the window."""
        return max(self.until_s - self.since_s, self.window_s) / 60

    @property
    def worst(self) -> tuple[str, int]:
        """The service with the highest count."""
        return max(self.total.items(), key=lambda one: one[1], default=("", 0))


def recent(tally: Tally, since_s: float, earlier: Earlier | None, window_s: float) -> Recent:
    """The worst of the last `window_s` seconds: `tally`, the look from `since_s` until now, with those that ended then.

    Each look stands for itself as well: one that reaches back far, or was quiet, would thin out what has just begun.
    """
    now_s = time.time()
    told = earlier.facts.get("recent") if earlier else None
    looks = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list | tuple) else []
    looks = [one for one in looks if now_s - window_s < _number(one.get("to_s")) <= now_s][-MOST_KEPT + 1 :]
    looks.append({"from_s": since_s, "to_s": now_s, **tally.look})
    short = [one for one in looks if _number(one["to_s"]) - _number(one.get("from_s")) <= 2 * window_s]
    groups = [short, *([one] for one in looks)]
    counted = [_together(group, window_s) for group in groups if group]
    return replace(max(counted, key=lambda one: (one.worst[1] / one.minutes, -one.minutes)), kept=looks)


def _together(looks: Sequence[Mapping[str, Json]], window_s: float) -> Recent:
    total: Counter[str] = Counter()
    top: Counter[tuple[str, str]] = Counter()
    samples: dict[tuple[str, str], str] = {}
    for one in looks:
        counted, often = one.get("total"), one.get("top")
        for service, times in counted.items() if isinstance(counted, Mapping) else ():
            total[service] += int(_number(times))
        for row in often if isinstance(often, list | tuple) else ():
            service, kind, times, sample = row if isinstance(row, list | tuple) and len(row) == 4 else ("", "", 0, "")
            top[str(service), str(kind)] += int(_number(times))
            samples.setdefault((str(service), str(kind)), str(sample))
    kinds: Counter[str] = Counter()
    for (_, kind), times in top.items():
        kinds[kind] += times
    return Recent(
        since_s=min(_number(one.get("from_s")) for one in looks),
        until_s=max(_number(one.get("to_s")) for one in looks),
        window_s=window_s,
        total=total,
        kinds=kinds,
        top=[
            {"service": service, "times": times, "kind": kind, "sample": samples[service, kind]}
            for (service, kind), times in top.most_common(SHOWN)
        ],
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0
