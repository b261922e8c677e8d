"""A DKIM key as receivers read it (RFC 6376, 8301, 8463): there, readable, long enough, not revoked."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tasks.dns.looked import Looked
from tasks.excerpt import excerpt
from tasks.mail_domain.tags import InvalidTags, tags
from tasks.model import Threshold, Verdict

KEY_BITS = Threshold(
    warn=2047,
    bad=1023,
    because="Owner: RFC 8301: receivers must not believe an RSA key below 1024 bits, and signers should have 2048. "
    "Google and Yahoo ask senders for 1024 at least.",
)
# RFC 8301: receivers need not verify longer ones.
LONGEST_BITS = 4096
# 4096 bits in base64 are 736 characters; an RSA key of 32,768 bits would keep whoever checks it busy.
LONGEST_KEY = 4096
ED25519_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Key:
    """What stands under a selector: how bad that is, and why. `bits` where there is a key, `data` as published."""

    verdict: Verdict
    said: str
    kind: str = ""
    bits: int = 0
    data: str = ""


def key(looked: Looked, bits: Threshold = KEY_BITS) -> Key:
    """Judge what was found under a selector."""
    if not looked.answered:
        return Key(verdict=Verdict.UNKNOWN, said=f"was not answered: {looked.said}")
    if looked.void:
        led = f": it leads to {looked.aliases[-1]}, where nothing is" if looked.aliases else ""
        return Key(verdict=Verdict.BAD, said=f"has no key ({looked.said}){led}")
    keys = [text for text in looked.texts if "p=" in text.replace(" ", "")]
    if not keys:
        return Key(verdict=Verdict.BAD, said=f"holds no key: “{excerpt(looked.texts[0], 60)}”")
    if len(looked.texts) > 1:
        # What then happens is left open (RFC 6376, 3.6.2.2), and receivers differ.
        return Key(verdict=Verdict.BAD, said=f"holds {len(looked.texts)} records, where one key may be")
    return judged(keys[0], bits)


def judged(text: str, bits: Threshold = KEY_BITS) -> Key:
    """Judge the text of one key record."""
    try:
        found = tags(text)
    except InvalidTags as error:
        return Key(verdict=Verdict.BAD, said=f"cannot be read: {error}")
    if "v" in found and (found["v"] != "DKIM1" or next(iter(found)) != "v"):
        return Key(verdict=Verdict.BAD, said="counts for nothing: v=DKIM1 has to come first, spelt so")
    if "p" not in found:
        return Key(verdict=Verdict.BAD, said="holds no key: p= is missing")
    data = "".join(found["p"].split())
    if not data:
        return Key(verdict=Verdict.BAD, said="is revoked: p= is empty")
    if (wrong := _unusable(found)) is not None:
        return Key(verdict=Verdict.BAD, said=wrong)
    kind = found.get("k", "rsa")
    told = _ed25519(data) if kind == "ed25519" else _rsa(data, bits) if kind == "rsa" else None
    if told is None:
        return Key(verdict=Verdict.BAD, said=f"is of a kind nobody verifies: k={excerpt(kind, 20)}")
    if told.verdict is Verdict.OK and "y" in found.get("t", "").replace(" ", "").split(":"):
        return Key(
            verdict=Verdict.WARN, said=f"{told.said}, and says t=y: a test, which counts as unsigned", kind=kind,
            bits=told.bits, data=data,
        )  # fmt: skip
    return told


def _unusable(found: object) -> str | None:
    given = dict(found)  # type: ignore[call-overload]
    hashes = [one.strip() for one in given.get("h", "sha256").split(":")]
    if "sha256" not in hashes:
        return f"allows only h={excerpt(given['h'], 20)}, which RFC 8301 forbids: nothing can be verified"
    services = [one.strip() for one in given.get("s", "*").split(":")]
    return None if {"*", "email"} & set(services) else f"is not for mail: s={excerpt(given['s'], 20)}"


def _decoded(data: str) -> bytes | None:
    if len(data) > LONGEST_KEY:
        return None
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return None


def _ed25519(data: str) -> Key:
    raw = _decoded(data)
    if raw is None or len(raw) != ED25519_BYTES:
        return Key(verdict=Verdict.BAD, said="is no Ed25519 key: p= has to be 32 bytes in base64 (RFC 8463)")
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(raw)
    except (ValueError, UnsupportedAlgorithm):
        return Key(verdict=Verdict.BAD, said="is no Ed25519 key")
    return Key(verdict=Verdict.OK, said="is an Ed25519 key", kind="ed25519", bits=256, data=data)


def _rsa(data: str, limit: Threshold) -> Key:
    raw = _decoded(data)
    if raw is None:
        return Key(verdict=Verdict.BAD, said="is damaged: p= is no base64, as when a string was cut off or added twice")
    try:
        found = load_der_public_key(raw)
    except (ValueError, UnsupportedAlgorithm):
        return Key(verdict=Verdict.BAD, said="is damaged: p= holds no public key, as when a part of it is missing")
    if not isinstance(found, rsa.RSAPublicKey):
        return Key(verdict=Verdict.BAD, said="says RSA and is another kind of key")
    bits = found.key_size
    verdict = limit.judge(bits)
    said = f"is an RSA key of {bits:,} bits"
    if verdict is Verdict.BAD:
        said = f"{said}: below {limit.bad + 1:,.0f} receivers must not believe it (RFC 8301)"
    elif verdict is Verdict.WARN:
        said = f"{said}, fewer than the {limit.warn + 1:,.0f} that are asked for"
    elif bits > LONGEST_BITS:
        verdict, said = Verdict.WARN, f"{said}: above {LONGEST_BITS:,} receivers need not verify it"
    return Key(verdict=verdict, said=said, kind="rsa", bits=bits, data=data)


def published(text: str) -> str:
    """The key in a record, as two are compared; empty where none can be read."""
    try:
        return "".join(tags(text).get("p", "").split())
    except InvalidTags:
        return ""
