"""The certificate a server really shows, at each of its addresses, and what is wrong with it."""

from __future__ import annotations

import errno
import hashlib
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

from tasks.excerpt import excerpt
from tasks.model import CannotLook

CONNECT_S = 4.0
# More addresses of one host than anybody has certificates renewed one by one for.
MOST_ADDRESSES = 8
# OpenSSL's numbers for what a chain fails by (x509_vfy.h).
NOT_YET_VALID, EXPIRED, SELF_SIGNED, SELF_SIGNED_ABOVE = 9, 10, 18, 19
NO_ISSUER = frozenset({2, 20, 21})
WRONG_NAME = frozenset({62, 64})
# There is no way to an address of this kind from here: of a machine without IPv6 that says nothing about the server.
NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class NoWay(CannotLook):
    """This machine cannot reach addresses of that kind."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """What one address shows: from when to when it is valid, for whom, by whom. `wrong`: why it is not believed."""

    begins: datetime
    ends: datetime
    names: tuple[str, ...]
    issuer: str
    mark: str  # the beginning of its SHA-256: two addresses that show two certificates differ in it
    wrong: str = ""

    @property
    def lifetime_s(self) -> float:
        return (self.ends - self.begins).total_seconds()

    def left_s(self, now: datetime) -> float:
        return (self.ends - now).total_seconds()


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
        return _read(*_shown(host, port, address, trusted))
    except ssl.SSLCertVerificationError as error:
        return _read(*_shown(host, port, address, _believing()), error=error, host=host)


def _believing() -> ssl.SSLContext:
    """Takes any certificate, to see what is wrong with it; nothing is sent over such a connection."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _shown(host: str, port: int, address: str, context: ssl.SSLContext) -> tuple[bytes, list[bytes]]:
    """The server's own certificate, and all that it sent, in DER."""
    try:
        with (
            socket.create_connection((address, port), timeout=CONNECT_S) as plain,
            context.wrap_socket(plain, server_hostname=host) as line,
        ):
            own = line.getpeercert(binary_form=True)
            if own is None:
                raise CannotLook(f"{address} shows no certificate.")
            return own, _chain(line)
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise CannotLook(f"No secure connection to {address} comes about: {error.reason or error}.") from None
    except TimeoutError:
        raise CannotLook(f"{address} did not answer within {CONNECT_S:g} s.") from None
    except OSError as error:
        kind = NoWay if error.errno in NO_WAY else CannotLook
        raise kind(f"{address} cannot be reached: {error.strerror or error}.") from None


def _chain(line: ssl.SSLSocket) -> list[bytes]:
    # Public from Python 3.13 on; before, it lies one layer below.
    if hasattr(line, "get_unverified_chain"):
        return list(line.get_unverified_chain() or [])
    below: Any = line._sslobj  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in below.get_unverified_chain() or []]


def _read(own: bytes, chain: list[bytes], error: ssl.SSLCertVerificationError | None = None, host: str = "") -> Served:
    try:
        certificate = x509.load_der_x509_certificate(own)
        names = _names(certificate)
        wrong = _wrong(certificate, names, chain, error, host) if error else ""
    except ValueError as unreadable:
        raise CannotLook(f"The certificate cannot be read: {unreadable}.") from None
    return Served(
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        names=names,
        issuer=_name(certificate.issuer),
        mark=hashlib.sha256(own).hexdigest()[:16],
        wrong=wrong,
    )


def _wrong(
    certificate: x509.Certificate,
    names: tuple[str, ...],
    chain: list[bytes],
    error: ssl.SSLCertVerificationError,
    host: str,
) -> str:
    now, code = datetime.now(UTC), error.verify_code
    if code == EXPIRED and certificate.not_valid_after_utc >= now:
        return "a certificate above it has expired"
    if code == EXPIRED:
        return f"it expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    if code == NOT_YET_VALID:
        return f"it is not valid before {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if code in WRONG_NAME:
        return f"it is for {', '.join(names[:5]) or 'nobody by name'}, not for {host}"
    if code == SELF_SIGNED:
        return "it is signed by itself"
    if code == SELF_SIGNED_ABOVE or (code in NO_ISSUER and _issuer_sent(certificate, chain)):
        return f"its chain ends at {_name(x509.load_der_x509_certificate(chain[-1]).issuer)}, which is not trusted"
    if code in NO_ISSUER and _is_public(certificate):
        return (
            f"the intermediate certificate {_name(certificate.issuer)} is not sent along: browsers that know it from "
            "elsewhere do without, programs and phones do not"
        )
    if code in NO_ISSUER:
        return f"its issuer {_name(certificate.issuer)} is neither trusted nor sent along"
    return excerpt(error.verify_message, 100)


def _issuer_sent(certificate: x509.Certificate, chain: list[bytes]) -> bool:
    return any(x509.load_der_x509_certificate(one).subject == certificate.issuer for one in chain)


def _is_public(certificate: x509.Certificate) -> bool:
    """Does it say where its issuer can be fetched? All public authorities have to write that into theirs."""
    try:
        access = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value
    except x509.ExtensionNotFound:
        return False
    told = access if isinstance(access, x509.AuthorityInformationAccess) else ()
    return any(one.access_method == AuthorityInformationAccessOID.CA_ISSUERS for one in told)


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    told = [*alternative.get_values_for_type(x509.DNSName)]
    told += [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    return tuple(excerpt(name, 100) for name in told)


def _name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return f"“{excerpt(str(common[0].value), 100) if common else excerpt(name.rfc4514_string(), 100)}”"
