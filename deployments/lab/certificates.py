"""The lab's certificate authority, made anew at each start: its key is kept nowhere."""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deployments import private_file

CA = "ca.pem"
DAY = datetime.timedelta(days=1)
# A lab that stays up for a year would see its certificate end, as anybody's.
GOOD, ENDING, EXPIRED = 365 * DAY, 2 * DAY, -2 * DAY
AUTHORITY = "The lab's authority"


def issue(folder: Path) -> None:
    """Write into `folder` the authority, and certificates with their keys: it lasts, it soon ends, it has ended."""
    authority = ec.generate_private_key(ec.SECP256R1())
    root = _signed(AUTHORITY, authority, authority, ends=GOOD, ca=True)
    for name, ends in (("good", GOOD), ("ending", ENDING), ("expired", EXPIRED)):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed("localhost", key, authority, ends=ends, ca=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        private_file.write(folder / f"{name}.pem", private.decode() + _pem(certificate))
    private_file.write(folder / CA, _pem(root))


def _signed(
    common: str,
    key: ec.EllipticCurvePrivateKey,
    authority: ec.EllipticCurvePrivateKey,
    *,
    ends: datetime.timedelta,
    ca: bool,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # As if it had been issued 90 days before the ending one ends: what must be left is in proportion to its life.
        .not_valid_before(now - 88 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(authority, hashes.SHA256())
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
