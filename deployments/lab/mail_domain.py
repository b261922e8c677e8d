"""The domain in whose name the lab sends mail: its zones, and the records that are declared for it."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from pathlib import Path

DOMAIN = "shop.test"
SUBDOMAINS = ("news.shop.test", "app.shop.test", "alerts.shop.test", "m.shop.test")
SENDS_FROM = "192.0.2.10"
SELECTOR = "lab"
SPF = f"v=spf1 ip4:{SENDS_FROM} -all"
# The public half of a key whose other half was thrown away: nothing here is signed.
DKIM = "v=DKIM1; k=ed25519; p=BIJz98hqFNE+oGo2eHKV4PpPqmw5v3RAORWShCtBqCo="
DMARC = f"v=DMARC1; p=reject; rua=mailto:dmarc@{DOMAIN}"
KEY_NAME = "lab"
KEY_FILE = "key.json"
IP_LIST, NAME_LIST = "ips.blocklist.test", "names.blocklist.test"

_START = "$TTL 300\n@ IN SOA ns1.shop.test. root.shop.test. 1 3600 600 86400 60\n@ IN NS ns1.shop.test.\n"
ZONES = {
    "test": "",
    DOMAIN: "\n".join(
        [
            "ns1 IN A 127.0.0.1",
            f"mail IN A {SENDS_FROM}",
            *(f"{name}. IN MX 10 mail" for name in (DOMAIN, *SUBDOMAINS)),
            *(f'{name}. IN TXT "{SPF}"' for name in (DOMAIN, *SUBDOMAINS)),
            # Somebody's proof of ownership: nothing of ours, and to be left alone.
            f'{DOMAIN}. IN TXT "lab-site-verification=1"',
            f'{SELECTOR}._domainkey IN TXT "{DKIM}"',
            f'_dmarc IN TXT "{DMARC}"',
            f'_smtp._tls IN TXT "v=TLSRPTv1; rua=mailto:tls@{DOMAIN}"',
        ]
    ),
    "2.0.192.in-addr.arpa": f"10 IN PTR mail.{DOMAIN}.",
    # Nobody is on them but their own test entries (RFC 5782, 5).
    IP_LIST: "2.0.0.127 IN A 127.0.0.2",
    NAME_LIST: "test IN A 127.0.0.2",
}


def prepare(folder: Path) -> None:
    """The zones as they were before any drill, and, the first time, a key for whoever may change them."""
    for file in folder.glob("*.zone"):
        file.unlink()
    for origin, records in ZONES.items():
        (folder / f"{origin}.zone").write_text(f"{_START}{records}\n", encoding="utf-8")
    key = folder / KEY_FILE
    if not key.exists():
        key.touch(mode=0o600)
        secret = b64encode(secrets.token_bytes(32)).decode()
        key.write_text(json.dumps({"name": KEY_NAME, "secret": secret}), encoding="utf-8")


def key_of(folder: Path) -> str:
    """The secret of the one who may change the zones."""
    return str(json.loads((folder / KEY_FILE).read_text(encoding="utf-8"))["secret"])
