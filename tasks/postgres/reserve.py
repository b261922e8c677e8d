"""How we get in when no ordinary slot is left: one question after another, through what is reserved for us.

Nothing of ours holds a session open for that moment. Each run is a process of its own that begins after the fault, a
restart ends what was held, and a held session takes a slot from the application all year. The server keeps slots
itself: `reserved_connections` (16 and later) for roles with pg_use_reserved_connections, and always
`superuser_reserved_connections`. They are a handful, and a diagnosis asks a dozen questions at once: so those who find
the door closed form a queue.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from tasks.postgres.refusals import NotConnected, Reason

# A server process takes some milliseconds to leave its slot after its client is gone.
SLOT_WITHIN_S = 3.0
TURN_WITHIN_S = 12.0
POLL_S = 0.05

S = TypeVar("S")
Opener = Callable[[], AbstractContextManager[S]]

# By server. Reentrant: who has the turn may look at something else meanwhile.
_turns: dict[str, threading.RLock] = defaultdict(threading.RLock)


@contextmanager
def in_turn(server: str, openers: Sequence[Opener[S]]) -> Iterator[S]:
    """A session by the first opener; when there is no slot for it, by the first that gets one, one user at a time.

    Raises:
        NotConnected: none came about; the first opener's words.
    """
    try:
        session = openers[0]()
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
