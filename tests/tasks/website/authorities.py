"""Certificates as servers show them, good ones and all kinds of wrong ones; issued with `cryptography`."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

DAY = datetime.timedelta(days=1)
LOCAL = ("localhost", "127.0.0.1")
PEM = serialization.Encoding.PEM


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `above` is who signed its own, None of a root."""

    common: str
    above: Authority | None = None
    ends: datetime.timedelta = 3650 * DAY
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def certificate(self) -> x509.Certificate:
        signer = self.above or self
        return _signed(_name(self.common), self.key, signer, ends=self.ends, ca=True)

    def shown(
        self,
        folder: Path,
        names: Sequence[str] = LOCAL,
        *,
        begins: datetime.timedelta = -DAY,
        ends: datetime.timedelta = 60 * DAY,
        public: bool = True,
        along: Sequence[x509.Certificate] = (),
    ) -> ssl.SSLContext:
        """What a server needs to show a certificate of this authority, with `along` sent along."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _signed(_name(names[0]), key, self, begins=begins, ends=ends, names=names, public=public)
        return _context(folder, key, [own, *along])


def shows_itself(folder: Path) -> ssl.SSLContext:
    """A certificate signed by its own key."""
    alone = Authority("localhost")
    own = _signed(_name("localhost"), alone.key, alone, ends=60 * DAY, names=LOCAL)
    return _context(folder, alone.key, [own])


def trusting(folder: Path, *authorities: Authority) -> Path:
    file = folder / f"ca-{authorities[0].common.replace(' ', '-')}.pem"
    file.write_bytes(b"".join(one.certificate.public_bytes(PEM) for one in authorities))
    return file


def _signed(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: Authority,
    *,
    begins: datetime.timedelta = -DAY,
    ends: datetime.timedelta,
    names: Sequence[str] = (),
    ca: bool = False,
    public: bool = False,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(signer.common))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + min(begins, ends - DAY))
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(list(map(_general, names))), critical=False)
    if public:
        where = x509.UniformResourceIdentifier("http://authority.example/issuer.der")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, where)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return builder.sign(signer.key, hashes.SHA256())


def _context(folder: Path, key: ec.EllipticCurvePrivateKey, chain: Sequence[x509.Certificate]) -> ssl.SSLContext:
    file = folder / f"{chain[0].serial_number}.pem"
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(private + b"".join(one.public_bytes(PEM) for one in chain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@contextmanager
def mute() -> Iterator[int]:
    """The port of a server that takes every connection and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield server.getsockname()[1]


@contextmanager
def shaking_hands(context: ssl.SSLContext, address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """The port of a server that shows its certificate and ends."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(50)

        def serve() -> None:
            while True:
                try:
                    plain, _ = server.accept()
                except OSError:
                    return
                with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as line:
                    line.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
