"""What acting needs of a plan where the record shows it masked: sealed, for our own processes alone.

With `mask_emails` the record holds an address as a••••1f3a@example.com. A step is looked for, and taken back, by its
plan: from a masked one that would be other things, or none.
"""

from __future__ import annotations

import hashlib
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from tasks.model import Row

NONCE_BYTES = 12
PURPOSE = b"incident-pipelines: sealed plan"
# Whoever has an export of the record may guess keys: each guess costs some 50 ms and 16 MiB (RFC 7914, scrypt).
SCRYPT = {"n": 2**14, "r": 8, "p": 1}


def seal(body: Row, key: SecretStr, about: str) -> str:
    """`body` as hexadecimal digits, which nothing takes for a secret; it opens with the same key and matter."""
    nonce = os.urandom(NONCE_BYTES)
    return (nonce + _cipher(key).encrypt(nonce, json.dumps(body).encode(), about.encode())).hex()


def unseal(sealed: str, key: SecretStr, about: str) -> Row | None:
    """None: it was sealed with another key, about something else, or is no seal of ours."""
    try:
        raw = bytes.fromhex(sealed)
        opened: Row = json.loads(_cipher(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about.encode()))
    except (ValueError, InvalidTag):
        return None
    return opened


def _cipher(key: SecretStr) -> AESGCM:
    return AESGCM(hashlib.scrypt(key.get_secret_value().encode(), salt=PURPOSE, dklen=32, **SCRYPT))
