"""What a question keeps open until it is answered, so that its second look need not knock again."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Protocol, TypeVar


class Resting(Protocol):
    """Something open that holds nothing up while nobody uses it."""

    def rest(self) -> bool:
        """Let go of everything but the connection; False when that is gone."""

    def wake(self) -> bool:
        """Be as if just opened; False when that cannot be."""

    def close(self) -> None: ...


R = TypeVar("R", bound=Resting)
_kept: contextvars.ContextVar[dict[Hashable, Resting] | None] = contextvars.ContextVar("kept", default=None)


@contextmanager
def one_question() -> Iterator[None]:
    """Whatever is opened within the block through `kept_or` is closed at its end."""
    kept: dict[Hashable, Resting] = {}
    token = _kept.set(kept)
    try:
        yield
    finally:
        _close(kept)
        _kept.reset(token)


def let_go() -> None:
    """Close what rests: before a pause, in which somebody else may need the place."""
    _close(_kept.get() or {})


def kept_or(key: Hashable, opened: Callable[[], R]) -> AbstractContextManager[R]:
    """What this question left open under `key`, or a new one; outside a question always a new one, closed after use.

    `key` must tell apart whatever `opened` would make different. What `opened` raises passes through.
    """
    kept = _kept.get()
    if kept is None:
        return closing(opened())
    # Taken out for the time of its use: who asks meanwhile gets another one.
    thing = kept.pop(key, None)
    if thing is not None and thing.wake():
        return _to_rest(kept, key, thing)  # type: ignore[arg-type]  # what lies under a key was opened for it
    if thing is not None:
        thing.close()
    return _to_rest(kept, key, opened())


def _close(kept: dict[Hashable, Resting]) -> None:
    while kept:
        kept.popitem()[1].close()


@contextmanager
def _to_rest(kept: dict[Hashable, Resting], key: Hashable, thing: R) -> Iterator[R]:
    try:
        yield thing
    finally:
        if thing.rest() and key not in kept:
            kept[key] = thing
        else:
            thing.close()
