"""How we get in when no slot is left for us: one question after another, through what is reserved, or as others leave.

Nothing of ours holds a session open for that moment. Each run is a process of its own that begins after the fault, a
restart ends what was held, and a held session takes a slot from the application all year. The server keeps slots
itself: `reserved_connections` (16 and later) for roles with pg_use_reserved_connections, and always
`superuser_reserved_connections`. They are a handful, and a diagnosis asks a dozen questions at once: so those who find
the door closed form a queue.

A role, a database or a pooler may let only so many in. Where those are ourselves, the next waits until one has left.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from tasks.kept import let_go
from tasks.postgres.refusals import NotConnected, Reason

# A server process takes some milliseconds to leave its slot after its client is gone.
SLOT_WITHIN_S = 3.0
TURN_WITHIN_S = 12.0
LEAVES_WITHIN_S = 0.3
POLL_S = 0.05
# Limits that we may have used up by ourselves.
_LIMITS = (Reason.ROLE_LIMIT, Reason.DATABASE_LIMIT, Reason.POOLER_FULL)

S = TypeVar("S")
Opener = Callable[[], AbstractContextManager[S]]

# By server. Reentrant: who has the turn may look at something else meanwhile.
_turns: dict[str, threading.RLock] = defaultdict(threading.RLock)
# How many sessions of this process are open, by server.
_inside: dict[str, int] = defaultdict(int)
_counting = threading.Lock()


def came(server: str) -> None:
    """A session of ours is open there, until one `went`."""
    with _counting:
        _inside[server] += 1


def went(server: str) -> None:
    with _counting:
        _inside[server] -= 1


def patiently(server: str, opener: Opener[S]) -> AbstractContextManager[S]:
    """A session by `opener`; where a limit is used up and others of ours are inside, as soon as one of them has left.

    Raises:
        NotConnected: none came about, or not in time.
    """
    try:
        return opener()
    except NotConnected as error:
        if error.reason not in _LIMITS:
            raise
        full = error
    # What this question itself keeps may be what it waits for.
    let_go()
    turn = _turns[server]
    if not turn.acquire(timeout=TURN_WITHIN_S):
        raise full
    try:
        return _when_one_leaves(server, opener, full)
    finally:
        turn.release()


def _when_one_leaves(server: str, opener: Opener[S], full: NotConnected) -> AbstractContextManager[S]:
    until, alone_since = time.monotonic() + TURN_WITHIN_S, time.monotonic()
    while True:
        try:
            return opener()
        except NotConnected as error:
            if error.reason not in _LIMITS:
                raise
        now = time.monotonic()
        alone_since = now if _inside[server] else alone_since
        if now > until or now > alone_since + LEAVES_WITHIN_S:
            raise full
        time.sleep(POLL_S)


@contextmanager
def in_turn(server: str, openers: Sequence[Opener[S]]) -> Iterator[S]:
    """A session by the first opener; when there is no slot for it, by the first that gets one, one user at a time.

    Raises:
        NotConnected: none came about; the first opener's words.
    """
    try:
        session = patiently(server, openers[0])
    except NotConnected as error:
        if error.reason is not Reason.TOO_MANY_CLIENTS:
            raise
        full = error
    else:
        with session as ready:
            yield ready
        return
    turn = _turns[server]
    if not turn.acquire(timeout=TURN_WITHIN_S):
        raise full
    try:
        with _squeezed_in(openers, full) as ready:
            yield ready
    finally:
        turn.release()


def _squeezed_in(openers: Sequence[Opener[S]], full: NotConnected) -> AbstractContextManager[S]:
    until = time.monotonic() + SLOT_WITHIN_S
    while True:
        for opener in openers:
            try:
                return opener()
            except NotConnected as error:
                if error.reason is not Reason.TOO_MANY_CLIENTS:
                    raise
        if time.monotonic() > until:
            raise full
        time.sleep(POLL_S)
