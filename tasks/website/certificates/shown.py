"""The certificate a server really shows, at each of its addresses."""

from __future__ import annotations

import errno
import socket
import ssl

from tasks.certificate_shown import Served, believing, read, shown_on
from tasks.model import CannotLook

CONNECT_S = 4.0
# More addresses of one host than anybody has certificates renewed one by one for.
MOST_ADDRESSES = 8
# There is no way to an address of this kind from here: of a machine without IPv6 that says nothing about the server.
NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class NoWay(CannotLook):
    """This machine cannot reach addresses of that kind."""


def addresses_of(host: str, port: int) -> tuple[str, ...]:
    """All addresses of `host`, as this machine resolves it.

    Raises:
        CannotLook: it does not.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise CannotLook(f"{host} has no address: {getattr(error, 'strerror', None) or error}.") from None
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))[:MOST_ADDRESSES]


def served(host: str, port: int, address: str, trusted: ssl.SSLContext) -> Served:
    """The certificate shown to whoever comes to `address` and asks for `host` (SNI).

    Raises:
        NoWay: nobody can get there from this machine. CannotLook: nobody answers there, or does not speak TLS.
    """
    try:
        return read(*_shown(host, port, address, trusted))
    except ssl.SSLCertVerificationError as error:
        return read(*_shown(host, port, address, believing()), error=error, host=host)


def _shown(host: str, port: int, address: str, context: ssl.SSLContext) -> tuple[bytes, list[bytes]]:
    """The server's own certificate, and all that it sent, in DER."""
    try:
        with (
            socket.create_connection((address, port), timeout=CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as line,
        ):
            return shown_on(line)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise CannotLook(f"No secure connection to {address} comes about: {error.reason or error}.") from None
    except TimeoutError:
        raise CannotLook(f"{address} did not answer within {CONNECT_S:g} s.") from None
    except OSError as error:
        kind = NoWay if error.errno in NO_WAY else CannotLook
        raise kind(f"{address} cannot be reached: {error.strerror or error}.") from None
