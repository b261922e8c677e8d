"""DKIM keys under their selectors, asked of a real name server."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tasks.mail_domain.checks import check_dkim
from tasks.model import Verdict
from tests.tasks.mail_domain.nameservers import Names, txt


def der(bits: int) -> str:
    """The public half of a new RSA key, as p= has it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


LONG, SHORT = der(2048), der(1024)
CURVE = base64.b64encode(
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
).decode()
OTHER = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()

KEYS = {
    "LONG": LONG,
    "WIDE": f"{LONG[:90]} {LONG[90:]}",
    "CUT": LONG[:200],
    "SHORT": SHORT,
    "CURVE": CURVE,
    "OTHER": OTHER,
}


@pytest.mark.parametrize(
    ("text", "verdict", "says"),
    [
        ("v=DKIM1; k=rsa; p=<LONG>", Verdict.OK, "is an RSA key of 2,048 bits"),
        ("p=<LONG>", Verdict.OK, "is an RSA key of 2,048 bits"),
        ("v=DKIM1; h=sha1:sha256; s=email; p=<WIDE>", Verdict.OK, "is an RSA key of 2,048 bits"),
        ("v=DKIM1; k=ed25519; p=<CURVE>", Verdict.OK, "is an Ed25519 key"),
        ("v=DKIM1; p=<SHORT>", Verdict.WARN, "of 1,024 bits, fewer than the 2,048 that are asked for"),
        ("v=DKIM1; t=y:s; p=<LONG>", Verdict.WARN, "says t=y: a test, which counts as unsigned"),
        ("v=DKIM1; p=", Verdict.BAD, "is revoked: p= is empty"),
        ("v=DKIM1; k=rsa", Verdict.BAD, "holds no key"),
        ("v=DKIM1; k=rsa; p=<CUT>", Verdict.BAD, "is damaged: p= holds no public key"),
        ("v=DKIM1; p=<LONG>\\", Verdict.BAD, "is damaged: p= is no base64"),
        ("k=rsa; v=DKIM1; p=<LONG>", Verdict.BAD, "v=DKIM1 has to come first"),
        ("v=dkim1; p=<LONG>", Verdict.BAD, "v=DKIM1 has to come first, spelt so"),
        ("v=DKIM1; h=sha1; p=<LONG>", Verdict.BAD, "allows only h=sha1, which RFC 8301 forbids"),
        ("v=DKIM1; s=tlsrpt; p=<LONG>", Verdict.BAD, "is not for mail"),
        ("v=DKIM1; k=ed25519; p=<LONG>", Verdict.BAD, "is no Ed25519 key: p= has to be 32 bytes"),
        ("v=DKIM1; k=dsa; p=<LONG>", Verdict.BAD, "is of a kind nobody verifies: k=dsa"),
        ("v=DKIM1; p=<OTHER>", Verdict.BAD, "says RSA and is another kind of key"),
        ("v=DKIM1; p=<LONG>; p=<LONG>", Verdict.BAD, "cannot be read: p= stands there twice"),
        ("v=DKIM1; p=" + "A" * 4100, Verdict.BAD, "is damaged"),
    ],
)
def test_it_reads_a_key_as_receivers_do(names: Names, text: str, verdict: Verdict, says: str) -> None:
    # Keys are made anew in each process, so they are no part of a test's name.
    for mark, data in KEYS.items():
        text = text.replace(f"<{mark}>", data)
    names.zone("shop.test", txt("s1._domainkey", text))
    found = check_dkim.fn(names.domain(selectors=["s1"]))
    assert (found.verdict, says in found.says) == (verdict, True), found.says


def test_a_key_of_too_few_bits_is_not_believed(names: Names) -> None:
    # An RSA key of 768 bits, written down: no library makes one any more. Its modulus is a number of that length.
    number = rsa.RSAPublicNumbers(65537, (1 << 767) + 1).public_key()
    data = base64.b64encode(number.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    names.zone("shop.test", txt("s1._domainkey", f"v=DKIM1; p={data}"))
    found = check_dkim.fn(names.domain(selectors=["s1"]))
    assert found.verdict is Verdict.BAD
    assert "of 768 bits: below 1,024 receivers must not believe it" in found.says


def test_a_selector_may_be_an_alias_that_leads_to_its_provider(names: Names) -> None:
    names.zone("provider.test", txt("key", f"v=DKIM1; p={LONG}"))
    names.zone("shop.test", "s1._domainkey IN CNAME key.provider.test.\ns2._domainkey IN CNAME gone.provider.test.")
    found = check_dkim.fn(names.domain(selectors=["s1", "s2"]))
    assert found.facts["s1._domainkey.shop.test"]["verdict"] == 0  # type: ignore[call-overload, index]
    assert "has no key (NXDOMAIN): it leads to gone.provider.test, where nothing is" in found.says


def test_missing_revoked_and_unanswered_are_told_apart(names: Names) -> None:
    names.zone("shop.test", txt("s2._domainkey", "v=DKIM1; p="))
    found = check_dkim.fn(names.domain(selectors=["s1", "s2"]))
    said = {str(row["name"]).partition(".")[0]: row["said"] for row in found.rows}
    assert said == {"s1": "has no key (NXDOMAIN)", "s2": "is revoked: p= is empty"}
    silent = names.domain(selectors=["s1"], resolvers=["127.0.0.1:1"], authoritative=["127.0.0.1:1"], limit_s=0.3)
    assert check_dkim.fn(silent).verdict is Verdict.UNKNOWN


def test_two_records_under_a_selector_are_no_key(names: Names) -> None:
    names.zone("shop.test", f"{txt('s1._domainkey', f'p={LONG}')}\n{txt('s1._domainkey', f'p={SHORT}')}")
    assert "holds 2 records, where one key may be" in check_dkim.fn(names.domain(selectors=["s1"])).says


def test_a_good_key_that_is_not_the_declared_one_is_bad(names: Names) -> None:
    names.zone("shop.test", txt("s1._domainkey", f"v=DKIM1; k=rsa; p={SHORT}"))
    records = [{"name": "s1._domainkey.shop.test", "value": f"v=DKIM1; k=rsa; p={LONG}"}]
    found = check_dkim.fn(names.domain(selectors=["s1"], records=records))
    assert found.verdict is Verdict.BAD
    assert "not the key that is declared" in found.says
    # More than 255 characters stand in two strings, each in its quotes.
    first, second = (f"v=DKIM1; k=rsa; p={LONG}"[:255], f"v=DKIM1; k=rsa; p={LONG}"[255:])
    assert f's1._domainkey.shop.test. 300 IN TXT "{first}" "{second}"' in found.remedy


def test_nothing_is_asked_where_no_selector_is_configured(names: Names) -> None:
    found = check_dkim.fn(names.domain())
    assert found.says == "No DKIM selectors of shop.test are configured."
