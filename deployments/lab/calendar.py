"""The lab's calendar vendors: Google's and Microsoft's OAuth, as far as is asked without a user; can be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python calendar.py FOLDER PORT`. Google answers under /google, Microsoft under /microsoft. FOLDER holds `clients.json`:
of each vendor `client_id`, the `secrets` it takes and the `redirects` that are registered; and may hold `trouble.json`,
read before each answer, of each vendor:

- `refused`: SHA-256 of secrets that it does not take any more (invalid_client);
- `status`: an error of its own, to whatever is asked.

Errors are those of RFC 6749, 5.2, with what Google (developers.google.com/identity/protocols/oauth2) and Microsoft
(learn.microsoft.com/entra/identity-platform/reference-error-codes) write beside them. Their pages for browsers are in
no document: Google's is known by where it sends a browser, Microsoft's by the number in it.
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENTS, TROUBLE = "clients.json", "trouble.json"
GOOGLE, MICROSOFT = "google", "microsoft"
TENANT = "lab.example"
# Where the lab's application finds the secret and the redirect URI that it uses for Google.
SECRET, REDIRECT = "google-secret", "google-redirect"
REGISTERED = "https://app.lab.example/oauth/{vendor}/callback"
MOST_BODY = 100_000
# Status, headers, what is sent as JSON; a text is sent as a page.
Reply = tuple[int, dict[str, str], Any]
KEPT_NOWHERE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class Vendors(ThreadingHTTPServer):
    """What it takes, and what it has been told."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", port), Api)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, target: str, body: bytes) -> Reply:
        parts = urlsplit(target)
        vendor, _, path = parts.path.lstrip("/").partition("/")
        client = _read(self.folder / CLIENTS).get(vendor)
        if not isinstance(client, dict):
            return 404, {}, {"error": "not_found"}
        trouble = _read(self.folder / TROUBLE).get(vendor, {})
        if "status" in trouble:
            return int(trouble["status"]), {}, {"error": {"code": trouble["status"], "status": "UNAVAILABLE"}}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        known = client["client_id"] in (query.get("client_id"), form.get("client_id"))
        secret = form.get("client_secret", "")
        takes = secret in client["secrets"] and _sha256(secret) not in trouble.get("refused", [])
        if vendor == GOOGLE:
            return self._google(method, path, query, form, client, known=known, takes=takes)
        return self._microsoft(method, path, query, form, client, known=known, takes=takes)

    def _google(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        form: dict[str, str],
        client: dict[str, Any],
        *,
        known: bool,
        takes: bool,
    ) -> Reply:
        base = f"{self.base}/{GOOGLE}"
        match method, path:
            case "GET", ".well-known/openid-configuration":
                return 200, {}, _published("https://accounts.google.com", f"{base}/o/oauth2/v2/auth", f"{base}/token")
            case "POST", "token":
                if not known:
                    return _google_no(401, "invalid_client", "The OAuth client was not found.")
                if not takes:
                    return _google_no(401, "invalid_client", "Unauthorized")
                if form.get("grant_type") != "refresh_token":
                    return _google_no(400, "unsupported_grant_type", "Invalid grant_type")
                return _google_no(400, "invalid_grant", "Bad Request")
            case "GET", "o/oauth2/v2/auth":
                wrong = "" if known else "invalid_client"
                if not wrong and query.get("redirect_uri") not in client["redirects"]:
                    wrong = "redirect_uri_mismatch"
                if not wrong:
                    # Whom nobody has signed in, and who may ask nobody, goes back with an error: prompt=none.
                    return 302, {"Location": f"{query['redirect_uri']}?error=interaction_required"}, None
                told = base64.urlsafe_b64encode(b"\n\x15" + wrong.encode() + b"\x12\x00").decode()
                return 302, {"Location": f"{base}/signin/oauth/error?{urlencode({'authError': told})}"}, None
            case "GET", "calendar/v3/users/me/calendarList":
                return 401, {}, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "Login Required."}}
        return 404, {}, {"error": "not_found"}

    def _microsoft(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        form: dict[str, str],
        client: dict[str, Any],
        *,
        known: bool,
        takes: bool,
    ) -> Reply:
        if (method, path) == ("GET", "v1.0/me/calendars"):
            return 401, {}, {"error": {"code": "InvalidAuthenticationToken", "message": "Access token is empty."}}
        tenant, _, what = path.partition("/")
        base = f"{self.base}/{MICROSOFT}/{tenant}"
        if tenant not in (TENANT, "common", "organizations"):
            return _microsoft_no(400, "invalid_request", 90002, f"Tenant '{tenant}' not found.")
        match method, what:
            case "GET", "v2.0/.well-known/openid-configuration":
                login = f"{base}/oauth2/v2.0"
                issuer = f"https://login.microsoftonline.com/{tenant}/v2.0"
                return 200, {}, _published(issuer, f"{login}/authorize", f"{login}/token")
            case "POST", "oauth2/v2.0/token":
                if not known:
                    return _microsoft_no(400, "unauthorized_client", 700016, "Application was not found.")
                if not takes:
                    return _microsoft_no(401, "invalid_client", 7000215, "Invalid client secret provided.")
                if form.get("grant_type") == "client_credentials" and tenant == TENANT:
                    # A token that opens nothing here.
                    told = {"token_type": "Bearer", "expires_in": 3599, "access_token": "lab"}
                    return 200, KEPT_NOWHERE, told
                return _microsoft_no(400, "invalid_grant", 70000, "The provided refresh token is not valid.")
            case "GET", "oauth2/v2.0/authorize":
                number = 700016 if not known else 50011
                if known and query.get("redirect_uri") in client["redirects"]:
                    return 200, {}, "<!doctype html><title>Sign in</title>"
                return 200, {}, f"<!doctype html><title>Sign in</title><p>AADSTS{number}: this cannot be done.</p>"
        return 404, {}, {"error": "not_found"}


class Api(BaseHTTPRequestHandler):
    """HTTP around it."""

    server: Vendors
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without it the second waits for the first to be acknowledged.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), MOST_BODY))
        status, headers, told = self.server.answer(self.command, self.path, body)
        page = isinstance(told, str)
        said = b"" if told is None else str(told).encode() if page else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if page else "application/json")
        self.send_header("Content-Length", str(len(said)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - http.server's own names

    def log_message(self, *_: object) -> None:
        """Supervisor keeps what went wrong; who asked what is nobody's business."""


def _published(issuer: str, authorize: str, token: str) -> dict[str, str]:
    return {"issuer": issuer, "authorization_endpoint": authorize, "token_endpoint": token, "jwks_uri": f"{token}/keys"}


def _google_no(status: int, error: str, says: str) -> Reply:
    return status, KEPT_NOWHERE, {"error": error, "error_description": says}


def _microsoft_no(status: int, error: str, number: int, says: str) -> Reply:
    told = {
        "error": error,
        "error_description": f"AADSTS{number}: {says} Trace ID: 0 Correlation ID: 0 Timestamp: 2026-01-01 00:00:00Z",
        "error_codes": [number],
        "timestamp": "2026-01-01 00:00:00Z",
        "trace_id": "00000000-0000-0000-0000-000000000000",
        "correlation_id": "00000000-0000-0000-0000-000000000000",
    }
    return status, KEPT_NOWHERE, told


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


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
