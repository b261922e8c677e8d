"""A certificate as a server showed it: from when to when, for whom, by whom, and why it is not believed."""

from __future__ import annotations

import dataclasses
import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID, NameOID

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Threshold

DAY_S = 86_400.0
# What Let's Encrypt issued for ten years; the limits below are of it.
USUAL_LIFE_S = 90 * DAY_S

CERTIFICATE_LEFT = Threshold(
    warn=21 * DAY_S,
    bad=7 * DAY_S,
    because="Owner: Let's Encrypt, whose clients renew when a third is left, 30 days of 90. At 21 days nine days of "
    "attempts have failed; within seven lies one weekend. The CA/Browser Forum shortens certificates to 200 days in "
    "2026, 100 in 2027 and 47 in 2029: of what lives less than 90 days, less must be left.",
)
# OpenSSL's numbers for what a chain fails by (x509_vfy.h).
NOT_YET_VALID, EXPIRED, SELF_SIGNED, SELF_SIGNED_ABOVE = 9, 10, 18, 19
NO_ISSUER = frozenset({2, 20, 21})
WRONG_NAME = frozenset({62, 64})


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


def scaled(left: Threshold, lifetime_s: float) -> Threshold:
    """How much must be left of a certificate that lives so long."""
    share = min(1.0, max(lifetime_s, 1.0) / USUAL_LIFE_S)
    return dataclasses.replace(left, warn=left.warn * share, bad=left.bad * share)


def believing() -> ssl.SSLContext:
    """Takes any certificate, to see what is wrong with it; nothing may be sent over such a connection."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown_on(line: ssl.SSLSocket) -> tuple[bytes, list[bytes]]:
    """The server's own certificate, and all that it sent, in DER.

    Raises:
        CannotLook: it showed none.
    """
    own = line.getpeercert(binary_form=True)
    if own is None:
        raise CannotLook("It shows no certificate.")
    return own, _chain(line)


def _chain(line: ssl.SSLSocket) -> list[bytes]:
    # Public from Python 3.13 on; before, it lies one layer below.
    if hasattr(line, "get_unverified_chain"):
        return list(line.get_unverified_chain() or [])
    below: Any = line._sslobj  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in below.get_unverified_chain() or []]


def read(own: bytes, chain: list[bytes], error: ssl.SSLCertVerificationError | None = None, host: str = "") -> Served:
    """What was shown to whoever asked for `host`; with the `error` for which it is not believed.

    Raises:
        CannotLook: it cannot be read.
    """
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
