"""What questions cost the server: the processor time of the backends that answered them. Linux, server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from tasks.postgres.session import Session


class Meter:
    """Counts our sessions and the seconds their backends were on a processor, from the fork on."""

    def __init__(self) -> None:
        self.sessions = 0
        self.cpu_s = 0.0
        self._lock = threading.Lock()

    def read(self, session: Session) -> None:
        try:
            # The first number is the time on a processor, in nanoseconds; what ends the process comes on top of it.
            spent = int(Path(f"/proc/{session.pid}/schedstat").read_text().split()[0])
        except OSError:  # ended by the server meanwhile
            return
        with self._lock:
            self.sessions += 1
            self.cpu_s += spent / 1e9


@contextmanager
def metered() -> Iterator[Meter]:
    """Every session of ours that is closed meanwhile."""
    meter, close = Meter(), Session.close

    def closing(session: Session) -> None:
        meter.read(session)
        close(session)

    with mock.patch.object(Session, "close", closing):
        yield meter
