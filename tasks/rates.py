"""A rate with its numbers: over nothing, or over too few, it is not judged as if it were one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.model import Threshold, Verdict

# 95 % on one side: of a hundred such answers five are wrong.
Z = 1.645


@dataclass(frozen=True, kw_only=True)
class Rate:
    """`part` of `whole` mails (or runs); a rate is judged from `least` of them up."""

    part: int
    whole: int
    least: int

    @property
    def enough(self) -> bool:
        return self.whole >= max(self.least, 1)

    @property
    def value(self) -> float | None:
        """The ratio; None over nothing."""
        return self.part / self.whole if self.whole else None

    def judge(self, limits: Threshold, few: Threshold | None = None) -> Verdict:
        """Over enough by `limits`. Over fewer: by their number, where `few` limits that; else OK, and WARN where even
        the bound of the ratio that is kinder to them (Wilson, 95 %) lies on the bad side: ten of ten are no accident.

        Over too few it is never BAD without `few`, and the sentence (`says`) tells that nothing was judged.
        """
        if self.enough:
            return limits.judge(self.part / self.whole)
        if few is not None:
            return few.judge(self.part)
        if not self.whole:
            return Verdict.OK
        kind = self.at_least if limits.bad > limits.warn else self.at_most
        return Verdict.WARN if limits.judge(kind) is Verdict.BAD else Verdict.OK

    def says(self, noun: str) -> str:
        """'0.42% of 1,200 mails', '1 of 7 mails (too few to judge: 50 are needed)'."""
        if self.enough:
            return f"{percent(self.part / self.whole)} of {self.whole:,} {noun}"
        if not self.whole:
            return f"none of no {noun} (nothing to judge)"
        return f"{self.part:,} of {self.whole:,} {noun} (too few to judge: {self.least:,} are needed)"

    @property
    def at_least(self) -> float:
        """What the rate is at least, as far as so many can tell: Wilson's bound, 95 % on this side."""
        return self._bound(-1)

    @property
    def at_most(self) -> float:
        """The same on the other side."""
        return self._bound(1)

    def _bound(self, side: int) -> float:
        p, n = self.part / self.whole, self.whole
        half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        return min(max((p + Z * Z / (2 * n) + side * half) / (1 + Z * Z / n), 0.0), 1.0)


def percent(ratio: float) -> str:
    """'0.42%', '35%': two digits below ten, where limits lie close together."""
    return f"{ratio:.0%}" if ratio >= 0.1 or not ratio else f"{ratio:.2%}"
