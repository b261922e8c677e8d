"""What a person waiting for a start is told: each stage as it begins, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]

# Below this nobody has waited, and a second line would only be noise.
WORTH_SAYING_S = 0.5


def quiet(_text: str) -> None:
    """For callers that show nothing."""


@contextmanager
def stage(progress: Progress, does: str) -> Iterator[None]:
    """Say what begins, and what it took if it took long."""
    began = time.monotonic()
    progress(f"{does} …")
    yield
    took = time.monotonic() - began
    if took >= WORTH_SAYING_S:
        progress(f"{does}: {took:.1f} s")
