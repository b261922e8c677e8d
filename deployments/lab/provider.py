"""The lab's mail provider: speaks Mailgun's API as its OpenAPI description has it, and lets itself be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python provider.py FOLDER PORT`. FOLDER holds `keys.json`, the keys it takes, gets `state.json`, which is all it
remembers, and may hold `trouble.json`, read before each answer:

- `revoked`: SHA-256 of keys that it does not take any more (401);
- `limited` (429) and `status` (an error of its own): for whatever the subaccount does. It ends when the subaccount is
  disabled, for then nobody sends any more: accounts are managed elsewhere, and stay reachable;
- `bounced`: how many of the last hour's mails came back, by kind: hard, soft, block;
- `dead`: how many addresses that do not exist are mailed each hour, by a sender that goes on. An hour passes between
  two requests: those that are suppressed by then are not tried any more.

No mail goes through it. Mailgun's real answer to who sends by a disabled subaccount is in no document we know.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

DOMAIN = "mg.example.com"
SUBACCOUNT = "lab-subaccount"
KEYS, STATE, TROUBLE = "keys.json", "state.json", "trouble.json"
# The keys it takes, by name; and the file in which the lab's application finds the one it uses.
HELD = FIRST, SPARE = ("first", "spare")
KEY = "key"
LISTS = ("bounces", "complaints", "unsubscribes")
DELIVERED = 1200
MOST_BODY = 1_000_000
MOST_ADDED = 1000
# What receivers say, by kind: codes and words as Gmail, Exchange and Postfix have them.
SAID: dict[str, tuple[int, str, str]] = {
    "hard": (550, "5.1.1", "The email account that you tried to reach does not exist"),
    "soft": (452, "4.2.2", "The recipient's inbox is out of storage space: mailbox full"),
    "block": (550, "5.7.1", "Our system has detected that this message is likely unsolicited mail"),
}
Reply = tuple[int, Any]


class Provider(ThreadingHTTPServer):
    """What it remembers, and what it has been told."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.turn = threading.Lock()
        self.state: dict[str, Any] = {"status": "open", "lists": {name: {} for name in LISTS}}
        with contextlib.suppress(OSError, ValueError):
            self.state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        super().__init__(("127.0.0.1", port), Api)
        # What the addresses of further pages begin with.
        self.base = f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def trouble(self) -> dict[str, Any]:
        return _read(self.folder / TROUBLE)

    @property
    def keys(self) -> list[str]:
        """Those it takes just now."""
        revoked = self.trouble.get("revoked", [])
        return [
            key for key in _read(self.folder / KEYS).values() if hashlib.sha256(key.encode()).hexdigest() not in revoked
        ]

    def keep(self) -> None:
        new = self.folder / f"{STATE}.new"
        new.write_text(json.dumps(self.state), encoding="utf-8")
        new.rename(self.folder / STATE)

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> Reply:
        """The status, and what is sent as JSON."""
        parts = urlsplit(target)
        path, query = [unquote(part) for part in parts.path.strip("/").split("/")], parse_qs(parts.query)
        if not any(authorization == _basic(key) for key in self.keys):
            return 401, {"message": "Invalid private key"}
        if path[:2] != ["v5", "accounts"] and self.state["status"] == "open" and (ill := self._ill()):
            return ill
        with self.turn:
            return self._routed(method, path, query, body)

    def _ill(self) -> Reply | None:
        if "status" in self.trouble:
            return int(self.trouble["status"]), {"message": "Service temporarily unavailable"}
        return (429, {"message": "Too many requests"}) if self.trouble.get("limited") else None

    def _routed(self, method: str, path: list[str], query: dict[str, list[str]], body: bytes) -> Reply:
        match [method, *path]:
            case ["GET", "v4", "domains", name]:
                return (200, _domain()) if name == DOMAIN else (404, {"message": "Domain not found"})
            case ["GET", "v3", "domains", name, "sending_queues"] if name == DOMAIN:
                return 200, {"regular": {"is_disabled": False}, "scheduled": {"is_disabled": False}}
            case ["POST", "v1", "analytics", "metrics"]:
                return self._metrics(_json(body))
            case ["GET", "v3", name, "events"] if name == DOMAIN:
                return self._events(query)
            case ["GET", "v5", "accounts", "limit", "custom", "monthly"]:
                return 404, {"message": "No threshold for account"}
            case [verb, "v5", "accounts", "subaccounts", name, *what] if name == SUBACCOUNT:
                return self._subaccount(verb, what)
            case [verb, "v3", name, kind, *who] if name == DOMAIN and kind in LISTS:
                return self._list(verb, kind, who, query, body)
        return 404, {"message": "Not Found"}

    def _metrics(self, asked: Any) -> Reply:
        names = asked.get("metrics") if isinstance(asked, dict) else None
        if not isinstance(names, list):
            return 400, {"message": "metrics are missing"}
        counted = {name: self._counted().get(str(name), 0) for name in names}
        told = {
            "start": asked.get("start", ""),
            "end": asked.get("end", ""),
            "resolution": asked.get("resolution", "day"),
        }
        dimension = {"dimension": "domain", "value": DOMAIN, "display_value": DOMAIN}
        return 200, {
            **told,
            "dimensions": ["domain"],
            "pagination": {"sort": "", "skip": 0, "limit": 10, "total": 1},
            "items": [{"dimensions": [dimension], "metrics": counted}],
            "aggregates": {"metrics": counted},
        }

    def _counted(self) -> dict[str, int]:
        bounced = {kind: len(self._came_back(kind)) for kind in SAID}
        return {
            "delivered_count": DELIVERED,
            "bounced_count": sum(bounced.values()),
            "hard_bounces_count": bounced["hard"],
            "soft_bounces_count": bounced["soft"] + bounced["block"],
            "permanent_failed_esp_block_count": bounced["block"],
        }

    def _events(self, query: dict[str, list[str]]) -> Reply:
        items = [_failed(kind, address) for kind in SAID for address in self._came_back(kind)]
        limit = min(int(query.get("limit", ["100"])[0]), 300)
        return 200, {"items": items[:limit], "paging": _paging(f"/v3/{DOMAIN}/events")}

    def _came_back(self, kind: str) -> list[str]:
        """The addresses, of mails of the last hour."""
        told = self.trouble
        bounced = [f"{kind}{number}@example.org" for number in range(int(told.get("bounced", {}).get(kind, 0)))]
        dead = [f"dead{number}@example.org" for number in range(int(told.get("dead", 0)) if kind == "hard" else 0)]
        return bounced + [address for address in dead if address not in self.state["lists"]["bounces"]]

    def _subaccount(self, verb: str, what: list[str]) -> Reply:
        if verb == "POST" and what in (["disable"], ["enable"]):
            wanted = "disabled" if what == ["disable"] else "open"
            if self.state["status"] == wanted:
                return 400, {"message": f"subaccount is already {'disabled' if wanted == 'disabled' else 'enabled'}"}
            self.state["status"] = wanted
            self.keep()
        elif verb != "GET" or what:
            return 404, {"message": "Not Found"}
        now = formatdate(usegmt=True)
        told = {"id": SUBACCOUNT, "name": "Lab", "created_at": now, "updated_at": now, "status": self.state["status"]}
        return 200, {"subaccount": told}

    def _list(self, verb: str, kind: str, who: list[str], query: dict[str, list[str]], body: bytes) -> Reply:
        listed: dict[str, Any] = self.state["lists"][kind]
        missing = 404, {"message": f"Address not found in {kind} table"}
        if verb == "GET" and not who:
            return 200, self._page(kind, query)
        if verb == "GET" and len(who) == 1:
            return (200, listed[who[0]]) if who[0] in listed else missing
        if verb == "DELETE" and len(who) == 1:
            if listed.pop(who[0], None) is None:
                return missing
            self.keep()
            return 200, {"message": "Bounced address has been removed", "address": who[0]}
        if verb == "POST" and not who:
            return self._add(listed, kind, _json(body))
        # Among what is not done here: DELETE without an address, which empties the whole list.
        return 404, {"message": "Not Found"}

    def _add(self, listed: dict[str, Any], kind: str, added: Any) -> Reply:
        good = isinstance(added, list) and all(
            isinstance(one, dict) and "@" in str(one.get("address")) for one in added
        )
        if not good or len(added) > 1000:
            return 400, {"message": "Batch size should be less than 1000"}
        now = formatdate(localtime=False, usegmt=True).replace("GMT", "UTC")
        for one in added:
            listed[one["address"]] = {"code": "550", "error": "", "created_at": now, **one}
        self.keep()
        return 200, {"message": f"{len(added)} addresses have been added to the {kind} table"}

    def _page(self, kind: str, query: dict[str, list[str]]) -> dict[str, Any]:
        """The addresses behind the one that the page begins after."""
        listed, limit = self.state["lists"][kind], min(int(query.get("limit", ["100"])[0]), 1000)
        after = query.get("address", [""])[0]
        items = [listed[name] for name in sorted(listed) if name > after][:limit]
        last = items[-1]["address"] if items else after
        url = f"{self.base}/v3/{DOMAIN}/{kind}?limit={limit}"
        return {"items": items, "paging": _paging(url, f"{url}&page=next&address={quote(last)}")}


class Api(BaseHTTPRequestHandler):
    """HTTP around it."""

    server: Provider
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without it the second waits for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BODY))
        status, told = self.server.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
        said = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        if status == 429:
            self.send_header("X-RateLimit-Reset", str(int(time.time()) + 60))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's own names

    def log_message(self, *_: object) -> None:
        """Supervisor keeps what went wrong; who asked what is nobody's business."""


def _domain() -> dict[str, Any]:
    record = {"is_active": True, "cached": [], "valid": "valid"}
    return {
        "domain": {
            "created_at": "Thu, 13 Oct 2011 18:02:00 GMT",
            "id": "0123456789abcdef01234567",
            "is_disabled": False,
            "name": DOMAIN,
            "require_tls": False,
            "skip_verification": False,
            "smtp_login": f"postmaster@{DOMAIN}",
            "spam_action": "disabled",
            "state": "active",
            "type": "custom",
            "use_automatic_sender_security": False,
            "web_prefix": "email",
            "web_scheme": "http",
            "wildcard": False,
            "encrypt_incoming_message": False,
            "message_ttl": 259200,
        },
        "receiving_dns_records": [],
        "sending_dns_records": [
            {**record, "name": DOMAIN, "record_type": "TXT", "value": "v=spf1 include:mailgun.org ~all"},
            {**record, "name": f"mx._domainkey.{DOMAIN}", "record_type": "TXT", "value": "k=rsa; p=MIGf"},
        ],
    }


def _failed(kind: str, address: str) -> dict[str, Any]:
    code, enhanced, words = SAID[kind]
    return {
        "id": f"{kind}-{address.partition('@')[0]}",
        "event": "failed",
        "timestamp": time.time(),
        "severity": "temporary" if code < 500 else "permanent",
        "recipient": address,
        "message": {
            "headers": {"message-id": f"20261129.{address.partition('@')[0]}@{DOMAIN}", "from": f"news@{DOMAIN}"},
            "attachments": [],
            "size": 1200,
        },
        "recipient-domain": "example.org",
        "delivery-status": {
            "code": code,
            "enhanced-code": enhanced,
            "message": f"{code} {enhanced} {words}",
            "attempt-no": 1,
        },
    }


def _paging(url: str, following: str | None = None) -> dict[str, str]:
    return {"first": url, "last": f"{url}&page=last", "next": following or url, "previous": f"{url}&page=previous"}


def _basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"api:{key}".encode()).decode()


def _sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _json(body: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(body)
    return None


def _read(file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        told = json.loads(file.read_text(encoding="utf-8"))
        return told if isinstance(told, dict) else {}
    return {}


def main(folder: Path, port: int) -> None:
    os.umask(0o077)
    provider = Provider(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=provider.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
