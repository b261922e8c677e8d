"""Measured numbers as a person reads them: 0.0421 in seconds is 42.1 ms, 0.05 as a ratio is 5 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# From which amount on, in the base unit, the larger unit is said; how much of the base unit it is; its name.
_SECONDS = (
    (0, 1e-6, "µs"),
    (1e-3, 1e-3, "ms"),
    (1, 1, "s"),
    (120, 60, "min"),
    (7200, 3600, "h"),
    (172_800, 86_400, "days"),
)
_BYTES = tuple(
    (0 if n == 0 else 1024**n, 1024**n, name) for n, name in enumerate(("bytes", "KiB", "MiB", "GiB", "TiB", "PiB"))
)
_LADDERS: dict[str, Sequence[tuple[float, float, str]]] = {
    "s": _SECONDS,
    "bytes": _BYTES,
    "bytes/h": tuple((least, factor, f"{name}/h") for least, factor, name in _BYTES),
    "ratio": ((0, 0.01, "%"),),
    "1/h": ((0, 1, "an hour"),),
}
_PLAIN = ((0, 1, ""), (1e6, 1e6, "M"), (1e9, 1e9, "G"), (1e12, 1e12, "T"))
_NICE = (1, 2, 2.5, 5, 10)
# In hours and minutes people count by twelve and sixty, in bytes by two.
_NICE_OF = {"min": (1, 2, 5, 10, 15, 30, 60), "h": (1, 2, 3, 6, 12, 24), "days": (1, 2, 5, 7, 14, 30)}


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A unit for numbers of one size: so many of the base unit, and its name."""

    factor: float
    name: str

    def says(self, value: float) -> str:
        """Three digits, which is as much as a picture or a sentence tells."""
        shown = value / self.factor
        if shown and abs(shown) < 0.001:
            return f"{shown:.1e} {self.name}".rstrip()
        digits = 0 if shown == 0 else max(0, 2 - math.floor(math.log10(abs(shown))))
        text = f"{shown:,.{digits}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return f"{text} {self.name}".rstrip()

    def ticks(self, lowest: float, highest: float, most: int = 5) -> list[float]:
        """Round numbers of this unit from `lowest` to `highest`, in the base unit; at most `most` steps apart."""
        if not highest > lowest:
            return [lowest]
        step = self._step((highest - lowest) / self.factor / most)
        first = math.ceil(lowest / self.factor / step - 1e-9)
        last = math.floor(highest / self.factor / step + 1e-9)
        return [n * step * self.factor for n in range(first, last + 1)]

    def _step(self, least: float) -> float:
        for nice in _NICE_OF.get(self.name, ()):
            if nice >= least >= 0.5:
                return nice
        power: float = 10.0 ** math.floor(math.log10(least))
        return next(nice * power for nice in _NICE if nice * power >= least * (1 - 1e-9))


def scale(value: float, unit: str) -> Scale:
    """The unit in which `value`, given in `unit`, is said."""
    ladder = _LADDERS.get(unit, _PLAIN)
    fitting = [step for step in ladder if abs(value) >= step[0]]
    _, factor, name = fitting[-1]
    # Nothing is said in millionths.
    if value == 0 and unit == "s":
        factor, name = 1, "s"
    if unit not in _LADDERS:
        name = " ".join(part for part in (name, unit) if part)
    return Scale(factor=factor, name=name)


def amount(value: float, unit: str) -> str:
    """'42.1 ms', '3.2 GiB', '5 %', '12 rows'."""
    return scale(value, unit).says(value)
