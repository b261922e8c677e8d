"""Until when something new may be begun. Long work looks at it between one target and the next; by default there is
no end."""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_ends: contextvars.ContextVar[datetime | None] = contextvars.ContextVar("deadline", default=None)


@contextmanager
def until(ends: datetime | None) -> Iterator[None]:
    """Whatever works within the block may begin something new up to `ends`."""
    token = _ends.set(ends)
    try:
        yield
    finally:
        _ends.reset(token)


def seconds_left() -> float | None:
    """How long something new may still be begun, never below zero; None where there is no end."""
    ends = _ends.get()
    return None if ends is None else max(0.0, (ends - now()).total_seconds())


def is_over() -> bool:
    """Must nothing new be begun? An action that stops here says so with an incomplete Outcome."""
    return seconds_left() == 0.0


def now() -> datetime:
    return datetime.now(UTC)
