"""What is kept for as long as a question, or a round of them, lasts: open connections, and answers heard already."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, Protocol, TypeVar


class Resting(Protocol):
    """Something open that holds nothing up while nobody uses it."""

    def rest(self) -> bool:
        """Let go of everything but the connection; False when that is gone."""

    def wake(self) -> bool:
        """Be as if just opened; False when that cannot be."""

    def close(self) -> None: ...


T = TypeVar("T")
R = TypeVar("R", bound=Resting)
_kept: contextvars.ContextVar[dict[Hashable, Resting] | None] = contextvars.ContextVar("kept", default=None)
_heard: contextvars.ContextVar[dict[Hashable, Future[Any]] | None] = contextvars.ContextVar("heard", default=None)
_turn = threading.Lock()


@contextmanager
def one_round() -> Iterator[None]:
    """Questions that are put together: what one of them has `asked_once`, the others are answered with.

    A round is as long as one look at everything takes. The next one begins with nothing heard.
    """
    token = _heard.set({})
    try:
        yield
    finally:
        _heard.reset(token)


def asked_once(key: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` answers; within a round, or a question of its own, the same `key` is asked once.

    Who asks it meanwhile waits for that answer. Outside both it is asked each time: after a change nothing may be
    remembered. What `ask` raises passes through to all who wait, and is not kept.
    """
    heard = _heard.get()
    if heard is None:
        return ask()
    with _turn:
        known = heard.get(key)
        if known is None:
            heard[key] = own = Future[Any]()
    if known is not None:
        return known.result()  # type: ignore[no-any-return]  # what lies under a key was answered to it
    try:
        answer = ask()
    except BaseException as error:
        with _turn:
            del heard[key]
        own.set_exception(error)
        raise
    own.set_result(answer)
    return answer


@contextmanager
def one_question() -> Iterator[None]:
    """Whatever is opened within the block through `kept_or` is closed at its end. Alone, it is a round of its own."""
    kept: dict[Hashable, Resting] = {}
    token = _kept.set(kept)
    try:
        with one_round() if _heard.get() is None else nullcontext():
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
