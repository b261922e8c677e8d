"""How server and client prove to each other who they are, with an authority of our own."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tasks.model import CannotLook, Refused
from tasks.web.door import Door
from tasks.web.exchange import Tls
from tests.tasks.web.conftest import Reply, Vendor, serving, silent

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Issues certificates into a folder."""

    folder: Path
    name: x509.Name
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def founded(cls, folder: Path) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        ours = cls(folder, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ours")]), key)
        ours.write("ca", key, ours.signed(ours.name, key, ca=True))
        return ours

    def issue(self, name: str, address: str = "127.0.0.1", ends: datetime.timedelta = DAY) -> Tls:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self.write(name, key, self.signed(subject, key, address, ends))

    def signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        address: str = "127.0.0.1",
        ends: datetime.timedelta = DAY,
        ca: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        addresses = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + ends)
            .add_extension(addresses, critical=False)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> Tls:
        cert, private = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Tls(ca_file=self.folder / "ca.pem", certificate=cert, key=private)

    def context(self, shown: Tls, *, wants_ours: bool = False) -> ssl.SSLContext:
        assert shown.certificate
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=shown.ca_file)
        context.load_cert_chain(shown.certificate, shown.key)
        context.verify_mode = ssl.CERT_REQUIRED if wants_ours else ssl.CERT_NONE
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.founded(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def secure(authority: Authority) -> Iterator[Vendor]:
    with serving(authority.context(authority.issue("server"))) as vendor:
        yield vendor


def door(vendor: Vendor, tls: Tls | None = None) -> Door:
    return Door(place=vendor.place(tls=tls), words=silent)


def test_it_believes_our_own_authority_where_it_is_named(secure: Vendor, authority: Authority) -> None:
    assert door(secure, Tls(ca_file=authority.folder / "ca.pem")).get("/x").status == 200


def test_it_believes_nobody_else(secure: Vendor, waits: list[float]) -> None:
    with pytest.raises(
        Refused, match=r"^127\.0\.0\.1 shows a certificate that we do not trust: self-signed .*\.$"
    ) as caught:
        door(secure).get("/x")
    assert caught.value.remedy == 'If its authority is your own, name it: tls = { ca_file = "/path/to/ca.pem" }.'
    # The secret was not sent, and it will not be better in a second.
    assert (secure.asked, waits) == ([], [])


def test_it_ends_what_is_drawn_out_behind_tls_too(secure: Vendor) -> None:
    secure.replies = [Reply(body=b'{"whole": "it seems"}', drips=True)]
    with pytest.raises(CannotLook, match=r"did not answer within 0\.3 s"):
        Door(place=secure.place(tls=Tls(verify=False), total_s=0.3), words=silent).get("/x")


def test_it_believes_anybody_where_that_is_wanted(secure: Vendor) -> None:
    assert door(secure, Tls(verify=False)).get("/x").status == 200


@pytest.mark.parametrize(
    ("address", "ends", "says"), [("127.0.0.2", DAY, "not valid for '127.0.0.1'"), ("127.0.0.1", -DAY, "expired")]
)
def test_it_tells_what_is_wrong_with_a_certificate(
    authority: Authority, address: str, ends: datetime.timedelta, says: str
) -> None:
    shown = authority.issue("wrong", address, ends)
    with serving(authority.context(shown)) as vendor, pytest.raises(Refused, match=says):
        door(vendor, Tls(ca_file=shown.ca_file)).get("/x")


def test_it_shows_its_own_certificate_where_one_is_wanted(authority: Authority) -> None:
    ours = authority.issue("client")
    with serving(authority.context(authority.issue("strict"), wants_ours=True)) as vendor:
        assert door(vendor, ours).get("/x").status == 200
        with pytest.raises(CannotLook):
            door(vendor, Tls(ca_file=ours.ca_file)).get("/x")
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "files",
    [
        {"ca_file": "none.pem"},
        {"ca_file": "ca.key"},
        {"certificate": "none.pem"},
        {"certificate": "ca.pem", "key": "locked.key"},
    ],
)
def test_it_names_the_file_that_cannot_be_used(secure: Vendor, authority: Authority, files: dict[str, str]) -> None:
    (authority.folder / "locked.key").write_bytes(
        authority.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
        )
    )
    named = {key: authority.folder / name for key, name in files.items()}
    with pytest.raises(Refused, match=r"^The certificates for 127\.0\.0\.1 cannot be used: ") as caught:
        door(secure, Tls.model_validate(named)).get("/x")
    assert all(str(file) in caught.value.remedy for file in named.values())
