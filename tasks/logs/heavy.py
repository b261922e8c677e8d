"""What comes often, counted in bounded memory: a flood of names that each come once hides nothing."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Heavy(Generic[Key]):
    """Counts of at most `most` keys, by the algorithm of Misra and Gries (1982).

    Whatever was more than one in `most` of all is kept, in whatever order it came. A count is never too high, and too
    low by `lost` at most.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.counts: dict[Key, int] = {}
        self.total = 0
        self.lost = 0

    def add(self, key: Key) -> bool:
        """Count it once. False: there was no room, and every kept one pays for it with one of its own."""
        self.total += 1
        if key in self.counts or len(self.counts) < self.most:
            self.counts[key] = self.counts.get(key, 0) + 1
            return True
        self.lost += 1
        self.counts = {kept: times - 1 for kept, times in self.counts.items() if times > 1}
        return False

    def often(self) -> list[tuple[Key, int]]:
        """All that are kept, the most frequent first; of two alike, the one that came first."""
        return sorted(self.counts.items(), key=lambda one: -one[1])
