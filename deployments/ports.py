"""Which port a server gets: the one asked for, the one it had last time, or any that is free."""

from __future__ import annotations

import itertools
import secrets
import socket

from deployments.progress import Progress
from deployments.trouble import CannotStart


class PortTaken(CannotStart):
    """Somebody listens on the port a person asked for."""


class NoSuchPort(CannotStart):
    """The number a person asked for is no port."""


# Below those that outgoing connections and other programs are given (from 32768 on Linux, 49152 elsewhere): a server of
# ours needs seconds to get to its port, in which nobody else must be handed it.
SPARE = range(20_000, 32_768)
_turns = itertools.count(secrets.randbelow(len(SPARE)))


def free_port() -> int:
    """A port nobody listens on just now, and that this process was not told before.

    Raises:
        CannotStart: there is none.
    """
    ports = (SPARE[turn % len(SPARE)] for turn in itertools.islice(_turns, len(SPARE)))
    for port in filter(is_free, ports):
        return port
    raise CannotStart(f"No port between {SPARE[0]} and {SPARE[-1]} is free. See with `ss -tln` who holds them.")


def is_free(port: int) -> bool:
    """Can a server bind `port` on loopback? Connections still closing there do not count, as for Postgres itself."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(what: str, progress: Progress, *, asked: int | None = None, usual: int | None = None) -> int:
    """The port for `what`; says so when its usual one is taken.

    Raises:
        PortTaken, NoSuchPort: a port was asked for by number and is not free, or none.
    """
    if asked is not None:
        if not 0 < asked < 65_536:
            raise NoSuchPort(
                f"{asked} is no port for {what}. Ask for 1 to 65535, or for none and any free one is used."
            )
        if not is_free(asked):
            raise PortTaken(f"Port {asked} for {what} is taken. Ask for another, or for none and any free one is used.")
        return asked
    if usual is not None and is_free(usual):
        return usual
    port = free_port()
    if usual is not None:
        progress(f"Port {usual} is taken; {what} listens on {port}")
    return port
