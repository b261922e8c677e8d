"""The fence: while a change is under way, its process may not outlive its right to it.

A session that was lost in the middle of a long `apply` (a failover of the journal's database, a network that went away)
would be noticed at the outcome only; by then another process may have taken the incident up, and be doing the same.

1. The session that holds the incident's lock is asked every second.
2. If it is gone, or does not answer, this process and all it started are killed. That is a crash like any other: the
   next process looks whether it happened.

Whoever is frozen (SIGSTOP, a paused machine) is killed within a second of waking. That second stays: only the target
itself could close it, and does where a plan names what it touches beyond doubt (a pid with its start, an id).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil

from flows.journal import HeldLog, JournalUnavailable

ASKED_EVERY_S = 1.0
# The server gives up a client that is silent after 30 s (flows/journal/connection.py), and a recoverer waits some
# seconds more: whoever is fenced off is dead long before somebody else begins.
ANSWERS_WITHIN_S = 10.0


@contextmanager
def fenced(log: HeldLog) -> Iterator[None]:
    """Within the block this process lives as long as `log`'s lock does."""
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(log, done), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(log: HeldLog, done: threading.Event) -> None:
    with ThreadPoolExecutor(max_workers=1) as asker:
        while not done.wait(ASKED_EVERY_S):
            try:
                asker.submit(log.confirm).result(ANSWERS_WITHIN_S)
            except TimeoutError:
                _die(f"The journal did not answer within {ANSWERS_WITHIN_S:g} s.")
            except JournalUnavailable as error:
                _die(str(error))


def _die(why: str) -> None:
    """End without tidying up: whatever else this process still did, it had no right to."""
    sys.stderr.write(f"{why} In the middle of a change, so this process ends at once; the recoverer takes it up.\n")
    sys.stderr.flush()
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os.kill(os.getpid(), signal.SIGKILL)
