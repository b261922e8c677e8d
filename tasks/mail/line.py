"""A connection to a mail server, line by line: it ends in time, and reads no more than a mail server has to say."""

from __future__ import annotations

import socket
import ssl
import time

# RFC 5321 allows 512 bytes a line, RFC 5322 998; the longest seen are lists of extensions and provider's explanations.
LONGEST_LINE = 4096
PIECE = 4096
LEAST_S = 0.001


class HungUp(ConnectionError):
    """The server ended the connection in the middle of something."""


class NoLine(Exception):
    """What came is no line of text that a mail server would send."""


class Line:
    """`until` is of time.monotonic(): nothing here waits longer, however slowly a server drips."""

    def __init__(self, plain: socket.socket, until: float) -> None:
        self._socket = plain
        self._until = until
        self._read = b""

    @classmethod
    def to(cls, host: str, port: int, until: float) -> Line:
        """Connect, as `connected` does."""
        return cls(connected(host, port, until), until)

    @property
    def own_address(self) -> str:
        """Where we are, as the server sees it unless somebody translates it."""
        return str(self._socket.getsockname()[0])

    @property
    def secured(self) -> ssl.SSLSocket | None:
        return self._socket if isinstance(self._socket, ssl.SSLSocket) else None

    @property
    def early(self) -> bool:
        """Did something come that nobody has read? Before a handshake it would have been put there by somebody else."""
        return bool(self._read)

    def secure(self, trusted: ssl.SSLContext, name: str) -> ssl.SSLSocket:
        """Shake hands.

        Raises:
            ssl.SSLError, OSError: it does not come about.
        """
        self._socket.settimeout(left(self._until))
        secured = trusted.wrap_socket(self._socket, server_hostname=name)
        self._socket = secured
        return secured

    def read(self) -> bytes:
        """The next line, without its end.

        Raises:
            NoLine: it is too long. HungUp, OSError: none came. TimeoutError: not by the end.
        """
        while b"\n" not in self._read:
            if len(self._read) > LONGEST_LINE:
                raise NoLine(f"a line of more than {LONGEST_LINE} bytes")
            self._socket.settimeout(left(self._until))
            piece = self._socket.recv(PIECE)
            if not piece:
                raise HungUp("it ended the connection")
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line.rstrip(b"\r")

    def write(self, data: bytes) -> None:
        self._socket.settimeout(left(self._until))
        self._socket.sendall(data)

    def close(self) -> None:
        self._socket.close()


def connected(host: str, port: int, until: float) -> socket.socket:
    """A connection to the first address of `host` that takes one. They share the time: one that is silent leaves some.

    Raises:
        OSError: none did, or there is none. TimeoutError: not by `until`.
    """
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failed: OSError = TimeoutError("timed out")
    for n, (family, kind, protocol, _, address) in enumerate(addresses):
        plain = socket.socket(family, kind, protocol)
        try:
            plain.settimeout(left(until) / (len(addresses) - n))
            plain.connect(address)
        except OSError as error:
            plain.close()
            failed = error
        else:
            return plain
    raise failed


def left(until: float) -> float:
    """Seconds until then.

    Raises:
        TimeoutError: none.
    """
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return max(seconds, LEAST_S)
