"""How a change that takes long says where it is, without knowing who listens. By default nobody does."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasks.model import CannotLook

# Often enough to see that it moves, seldom enough to read the log afterwards.
EVERY_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a change is: one sentence, and roughly how much of the whole is done (0 to 1) where that is known."""

    says: str
    share: float | None = None


Listener = Callable[[Progress], None]
_listener: contextvars.ContextVar[Listener | None] = contextvars.ContextVar("progress listener", default=None)


@contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Whatever works within the block tells `listener` where it is; from another thread, a few seconds apart."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def watched(look: Callable[[], Progress | None]) -> Iterator[None]:
    """While the block works, `look` every EVERY_S seconds where it is, and tell whoever listens.

    `look` reads only and keeps its own time limit. What it cannot see is left out: the work itself goes on.
    """
    listener = _listener.get()
    if listener is None:
        yield
        return
    over = threading.Event()
    # The listener may need what its own thread knows: which run it belongs to.
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(_watch, look, listener, over), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(look: Callable[[], Progress | None], listener: Listener, over: threading.Event) -> None:
    said = ""
    while not over.wait(EVERY_S):
        try:
            now = look()
        except CannotLook as error:
            _log.info("Where it is cannot be seen just now: %s", error.says)
            continue
        # A look takes time, and what ended meanwhile is told by whoever waited for it.
        if now is not None and now.says != said and not over.is_set():
            said = now.says
            listener(now)
