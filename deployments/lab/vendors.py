"""The lab's vendors: Anthropic, x.ai, MillionVerifier, Unipile. Each has a path of its own, and can be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python vendors.py FOLDER PORT`. FOLDER holds `keys.json`, by vendor the keys it takes, `url`, the way to the
application's database, and for each vendor maybe `VENDOR-trouble.json`, read before each answer:

- `revoked`: SHA-256 of keys that are not taken any more;
- `busy`: {"setting", "most", "as", "wait_s"}: as long as the application's own setting lets it ask more than `most` at
  once, the answer is `as` (a status), or takes `wait_s` longer. What the application may do is read where it reads it;
- `status`: an error of the vendor's own, to everything;
- `accounts`: Unipile's accounts by id, each with the status its source has;
- `reports`: what its status page says.

Written after: anthropics/anthropic-sdk-python@009b0353 (types of errors, models), xai-org/xai-proto@9700be4b
(auth.proto), unipile/unipile-node-sdk@b8b7e4e8 (accounts), and a probe of MillionVerifier's answers in pipeworx-io's
mcp-millionverifier. Nobody is asked, and nothing is sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

CLAUDE, GROK, MILLION_VERIFIER, UNIPILE = NAMES = ("claude", "grok", "million_verifier", "unipile")
KEYS, URL = "keys.json", "url"
# Where links are put by which Unipile's users connect their accounts again.
LINKS = "unipile-links"
HELD = FIRST, SPARE = ("first", "spare")
MODEL = "claude-lab-1"
MOST_IN, MOST_OUT = 200_000, 64_000
CREDITS = 25_000
ACCOUNTS = ("lab-linkedin-1", "lab-linkedin-2", "lab-linkedin-3")
MOST_BODY = 1_000_000
SETTING = "SELECT value::text FROM settings WHERE setting = %s"
PATIENCE = "-c lock_timeout=200ms -c statement_timeout=2s"
# In a minute, as its headers tell.
REQUESTS = 1000
# A status, what is sent as JSON, and headers.
Reply = tuple[int, Any, Mapping[str, str]]


@dataclass(frozen=True)
class Asked:
    """A request: its method and the parts of its path behind the vendor's name, and what came with it."""

    path: list[str]
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: Any


def trouble_file(vendor: str) -> str:
    """Where a vendor is told to be ill."""
    return f"{vendor}-trouble.json"


def key_file(vendor: str) -> str:
    """Where the application finds its key for a vendor."""
    return f"{vendor}-key"


class Vendors(ThreadingHTTPServer):
    """All four, and what they have been told."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", port), Api)

    def trouble(self, vendor: str) -> dict[str, Any]:
        return _read(self.folder / trouble_file(vendor))

    def takes(self, vendor: str, key: str) -> bool:
        """Is it one of the vendor's keys, and not revoked?"""
        held = _read(self.folder / KEYS).get(vendor, {}).values()
        revoked = self.trouble(vendor).get("revoked", [])
        return key in held and hashlib.sha256(key.encode()).hexdigest() not in revoked

    def ill(self, vendor: str) -> int:
        """The status that everything is answered with; 0: none. Slow where that is told."""
        told = self.trouble(vendor)
        busy = told.get("busy")
        if isinstance(busy, dict) and self.at_once(str(busy["setting"])) > int(busy["most"]):
            time.sleep(float(busy.get("wait_s", 0)))
            return int(busy.get("as", 0))
        return int(told.get("status", 0))

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        parts = urlsplit(target)
        vendor, _, rest = parts.path.lstrip("/").partition("/")
        path, query = [unquote(part) for part in rest.split("/")], parse_qs(parts.query)
        if path == ["api", "v2", "summary.json"]:
            return 200, _summary(vendor, self.trouble(vendor)), {}
        speaks = SPEAK.get(vendor)
        if speaks is None:
            return 404, {"error": "no such vendor in this lab"}, {}
        return speaks(self, Asked([method, *path], query, headers, _json(body)))

    def tell(self, vendor: str, told: dict[str, Any]) -> None:
        """Keep what became of a trouble. In one step: a half file would be read as none."""
        new = self.folder / f"{trouble_file(vendor)}.{threading.get_ident()}.new"
        new.write_text(json.dumps(told), encoding="utf-8")
        new.replace(self.folder / trouble_file(vendor))

    def at_once(self, setting: str) -> int:
        """How many requests at once the application's own setting allows."""
        # Not imported at the start, which must be quick, and only a drill needs it.
        import psycopg

        url = (self.folder / URL).read_text(encoding="utf-8")
        with psycopg.connect(url, autocommit=True, application_name="lab-vendors", options=PATIENCE) as session:
            row = session.execute(SETTING, [setting]).fetchone()
        return int(str(row[0]).strip('"')) if row else 0


class Api(BaseHTTPRequestHandler):
    """HTTP around it."""

    server: Vendors
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without it the second waits for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BODY))
        given = {name.lower(): value for name, value in self.headers.items()}
        status, told, headers = self.server.answer(self.command, self.path, given, body)
        said = json.dumps(told).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - http.server's own name

    def log_message(self, *_: object) -> None:
        """Supervisor keeps what went wrong; who asked what is nobody's business, and a key stands in one query."""


def _claude(vendors: Vendors, asked: Asked) -> Reply:
    # Its documents name the first, its library has sent the second since 2.0.
    bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if not vendors.takes(CLAUDE, asked.headers.get("x-api-key", bearer)):
        return _claude_error(401, "authentication_error", "invalid x-api-key")
    if "anthropic-version" not in asked.headers:
        return _claude_error(400, "invalid_request_error", "anthropic-version: header is required")
    match asked.path:
        case ["GET", "v1", "models"]:
            return 200, {"data": [_model()], "has_more": False, "first_id": MODEL, "last_id": MODEL}, {}
        case ["GET", "v1", "models", name]:
            return (200, _model(), {}) if name == MODEL else _no_model(name)
        case ["POST", "v1", "messages", *counting]:
            return _claude_messages(vendors, asked.body, counting == ["count_tokens"])
    return _claude_error(404, "not_found_error", "Not Found")


def _claude_messages(vendors: Vendors, body: Any, counting: bool) -> Reply:
    if not isinstance(body, dict) or not body.get("messages"):
        return _claude_error(400, "invalid_request_error", "messages: Field required")
    if body.get("model") != MODEL:
        return _no_model(str(body.get("model")))
    if not counting and not 0 < int(body.get("max_tokens", 0)) <= MOST_OUT:
        return _claude_error(400, "invalid_request_error", f"max_tokens: {body.get('max_tokens')} > {MOST_OUT}")
    status = vendors.ill(CLAUDE)
    if status == 429:
        return _claude_error(429, "rate_limit_error", "This request would exceed your rate limit", _limits(0))
    if status == 529:
        return _claude_error(529, "overloaded_error", "Overloaded")
    if status:
        return _claude_error(status, "timeout_error" if status == 504 else "api_error", "Internal server error")
    if counting:
        return 200, {"input_tokens": 8}, _limits(REQUESTS - 10)
    usage = {"input_tokens": 8, "output_tokens": 1}
    told = {"id": "msg_lab", "type": "message", "role": "assistant", "model": MODEL, "usage": usage}
    said = {"content": [{"type": "text", "text": "."}], "stop_reason": "max_tokens", "stop_sequence": None}
    return 200, {**told, **said}, _limits(REQUESTS - 10)


def _claude_error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    told = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_lab"}
    return status, told, {"request-id": "req_lab", **(headers or {})}


def _no_model(name: str) -> Reply:
    return _claude_error(404, "not_found_error", f"model: {name[:100]}")


def _model() -> dict[str, Any]:
    born = "2026-01-01T00:00:00Z"
    sizes = {"max_input_tokens": MOST_IN, "max_tokens": MOST_OUT, "lifecycle": "active"}
    return {"type": "model", "id": MODEL, "display_name": "Claude of the lab", "created_at": born, **sizes}


def _limits(left: int) -> dict[str, str]:
    reset = (datetime.now(UTC) + timedelta(seconds=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    told: dict[str, str] = {} if left else {"retry-after": "60"}
    for name, most, rest in (("requests", REQUESTS, left), ("input-tokens", 80_000, 79_000)):
        told |= {
            f"anthropic-ratelimit-{name}-limit": str(most),
            f"anthropic-ratelimit-{name}-remaining": str(rest),
            f"anthropic-ratelimit-{name}-reset": reset,
        }
    return told


def _grok(vendors: Vendors, asked: Asked) -> Reply:
    key = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if not key:
        return 401, {"code": "unauthenticated", "error": "No API key was provided"}, {}
    # Not 401: x.ai takes a wrong key for a wrong argument.
    if not vendors.takes(GROK, key):
        return 400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided"}, {}
    if status := vendors.ill(GROK):
        code = "resource exhausted" if status == 429 else "The service is currently unavailable"
        return status, {"code": code, "error": "Try again later"}, {"retry-after": "60"} if status == 429 else {}
    if asked.path == ["GET", "v1", "api-key"]:
        return 200, {**grok_key(), **vendors.trouble(GROK).get("key", {})}, {}
    return 404, {"code": "not found", "error": "The requested resource was not found"}, {}


def grok_key() -> dict[str, Any]:
    """What x.ai tells of a key."""
    born = "2026-01-01T00:00:00.000000Z"
    return {
        "redacted_api_key": "xai-...lab",
        "user_id": "lab-user",
        "name": "lab",
        "create_time": born,
        "modify_time": born,
        "modified_by": "lab-user",
        "team_id": "lab-team",
        "acls": ["api-key:model:*", "api-key:endpoint:*"],
        "api_key_id": "lab-key",
        "api_key_blocked": False,
        "api_key_disabled": False,
        "team_blocked": False,
    }


def _million_verifier(vendors: Vendors, asked: Asked) -> Reply:
    if status := vendors.ill(MILLION_VERIFIER):
        return status, {"error": "Service unavailable"}, {}
    # Its trap: whoever has no key is told so with a 200.
    if not vendors.takes(MILLION_VERIFIER, asked.query.get("api", [""])[0]):
        return 200, {"credits": 0, "error": "Apikey not found"}, {}
    if asked.path == ["GET", "api", "v3", "credits"]:
        return 200, {"credits": vendors.trouble(MILLION_VERIFIER).get("credits", CREDITS)}, {}
    # Above all no verifying: that would be paid for.
    return 404, {"error": "Not found"}, {}


def _unipile(vendors: Vendors, asked: Asked) -> Reply:
    if "x-api-key" not in asked.headers:
        return _unipile_error(401, "errors/missing_credentials", "Missing credentials")
    if not vendors.takes(UNIPILE, asked.headers["x-api-key"]):
        return _unipile_error(401, "errors/invalid_credentials", "Invalid credentials")
    if status := vendors.ill(UNIPILE):
        kinds = {429: "too_many_requests", 503: "provider_unreachable", 504: "request_timeout"}
        return _unipile_error(status, f"errors/{kinds.get(status, 'unexpected_error')}", "Try again later")
    match asked.path:
        case ["GET", "api", "v1", "accounts"]:
            items = [_account(vendors, one) for one in ACCOUNTS]
            return 200, {"object": "AccountList", "items": items, "cursor": None}, {}
        case ["GET", "api", "v1", "accounts", name] if name in ACCOUNTS:
            return 200, _account(vendors, name), {}
        case ["POST", "api", "v1", "hosted", "accounts", "link"]:
            return _unipile_link(vendors, asked.body)
    return _unipile_error(404, "errors/resource_not_found", "Resource not found")


def _unipile_link(vendors: Vendors, body: Any) -> Reply:
    """Whoever the account is of follows the link at once, as far as this lab knows."""
    wanted = {"type", "providers", "api_url", "expiresOn"}
    if not isinstance(body, dict) or not wanted <= body.keys() or body.get("reconnect_account") not in ACCOUNTS:
        return _unipile_error(400, "errors/invalid_parameters", "Invalid parameters")
    told = vendors.trouble(UNIPILE)
    told.get("accounts", {}).pop(body["reconnect_account"], None)
    vendors.tell(UNIPILE, told)
    return 201, {"object": "HostedAuthUrl", "url": "https://account.unipile.example/lab"}, {}


def _account(vendors: Vendors, name: str) -> dict[str, Any]:
    status = vendors.trouble(UNIPILE).get("accounts", {}).get(name, "OK")
    return {
        "object": "Account",
        "type": "LINKEDIN",
        "id": name,
        "name": "Somebody of the lab",
        "created_at": "2026-01-01T00:00:00.000Z",
        "sources": [{"id": f"{name}_MESSAGING", "status": status}],
        "connection_params": {"im": {"id": "lab", "username": "somebody"}},
    }


def _unipile_error(status: int, kind: str, title: str) -> Reply:
    return status, {"status": status, "type": kind, "title": title, "detail": title}, {}


def _summary(vendor: str, told: dict[str, Any]) -> dict[str, Any]:
    """A page as Atlassian Statuspage publishes it."""
    indicator = told.get("reports", "none")
    described = "All Systems Operational" if indicator == "none" else "Partial System Outage"
    page = {"id": "lab", "name": vendor, "url": "https://status.example.com", "updated_at": "2026-01-01T00:00:00Z"}
    status = {"indicator": indicator, "description": described}
    return {"page": page, "status": status, "components": [], "incidents": [], "scheduled_maintenances": []}


SPEAK: dict[str, Callable[[Vendors, Asked], Reply]] = {
    CLAUDE: _claude,
    GROK: _grok,
    MILLION_VERIFIER: _million_verifier,
    UNIPILE: _unipile,
}


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
    vendors = Vendors(folder, port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=vendors.serve_forever, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
