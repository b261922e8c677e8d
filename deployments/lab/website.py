"""The lab's own website: HTTPS, a health page, a log in lines of JSON; and it lets itself be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python website.py FOLDER PORT`. FOLDER holds `good.pem` and `ending.pem` (key and certificate), gets `website.log` and
`access.log` (a line for each request), and may hold two files that are read before each answer: `trouble.json`
(`status` and `body`, `wait_s`, `certificate`; with `until_restarted` it is gone after a start), and `release.json`, by
which the lab's platform tells what was deployed: its `version`, and how that is ill. `fails`: the share of answers of
the shop's pages that are 500; `slow_ms`: how much later an order is shown; `hangs`: nothing is answered.
"""

from __future__ import annotations

import contextlib
import json
import signal
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LOG, ACCESS = "website.log", "access.log"
TROUBLE = "trouble.json"
RELEASE = "release.json"
CERTIFICATES = ("good", "ending")
# Now and then a word although nobody asks: a log that falls silent is an alarm.
WORD_EVERY_S = 60.0
HANDSHAKE_S = 5.0
# Longer than anybody waits here. Then it hangs up, as a proxy before it would: those who ask on would fill the machine.
HANGS_S, HANGS_POLL_S = 15.0, 0.5
# What an application sells: /orders/7, /products. The home page and /health stay well, whatever is deployed.
SHOP = ("orders", "products")
# About half a day of the lab's own caller.
MOST_ACCESS_BYTES = 2**25


class Log:
    """Kept open, as loggers keep theirs: whoever renames the file is written after."""

    def __init__(self, file: Path) -> None:
        self._out = file.open("a", encoding="utf-8")
        self._turn = threading.Lock()

    def write(self, level: str, msg: str, **more: object) -> None:
        with self._turn:
            self._out.write(json.dumps({"level": level, "time": time.time(), "msg": msg, **more}) + "\n")
            self._out.flush()


class AccessLog:
    """A line for each request, as many applications write one. It turns itself away when it is long."""

    def __init__(self, file: Path) -> None:
        self._file, self._turn = file, threading.Lock()
        self._out = file.open("a", encoding="utf-8")

    def write(self, method: str, path: str, status: int, took_s: float) -> None:
        told = {"time": time.time(), "method": method, "path": path, "status": status}
        with self._turn:
            self._out.write(json.dumps({**told, "duration_ms": round(took_s * 1000, 1)}) + "\n")
            self._out.flush()
            if self._out.tell() > MOST_ACCESS_BYTES:
                self._out.close()
                self._file.replace(self._file.with_name(f"{self._file.name}.1"))
                self._out = self._file.open("a", encoding="utf-8")


class Site(ThreadingHTTPServer):
    """Shakes hands in the thread of each visitor, with the certificate that is to be shown just now."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.log, self.access = Log(folder / LOG), AccessLog(folder / ACCESS)
        self._turn, self._owed = threading.Lock(), dict.fromkeys(SHOP, 0.0)
        self._contexts = {name: _context(folder / f"{name}.pem") for name in CERTIFICATES}
        super().__init__(("127.0.0.1", port), Page)

    @property
    def trouble(self) -> dict[str, Any]:
        return self._told(TROUBLE)

    @property
    def release(self) -> dict[str, Any]:
        return self._told(RELEASE)

    def _told(self, name: str) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            told = json.loads((self.folder / name).read_text(encoding="utf-8"))
            return told if isinstance(told, dict) else {}
        return {}

    def fails(self, page: str, share: float) -> bool:
        """Of each page's answers just that share: of twenty one, and not by chance two, or none."""
        with self._turn:
            self._owed[page] += share
            fails = self._owed[page] >= 1
            self._owed[page] -= fails
        return fails

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(HANDSHAKE_S)
        context = self._contexts.get(str(self.trouble.get("certificate", "good")), self._contexts["good"])
        with context.wrap_socket(request, server_side=True) as line:
            super().finish_request(line, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """A visitor that went away, or does not believe us, is its own affair."""


class Page(BaseHTTPRequestHandler):
    """The front page, and /health."""

    server: Site

    def do_GET(self) -> None:
        begun, trouble = time.monotonic(), self.server.trouble
        while (release := self.server.release).get("hangs"):
            if time.monotonic() > begun + HANGS_S:
                self.close_connection = True
                return
            time.sleep(HANGS_POLL_S)
        page = self.path.split("/")[1]
        late_s = float(release.get("slow_ms", 0)) / 1000 if page == SHOP[0] else 0.0
        time.sleep(float(trouble.get("wait_s", 0)) + late_s)
        status, kind, body = self._answer(trouble, page, release)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        took_s = time.monotonic() - begun
        # What a drill has its proxy answer for it never reached the application: its access log does not know of it.
        if not trouble:
            self.server.access.write("GET", self.path, status, took_s)
        if page not in SHOP:
            self.server.log.write("info", "request", path=self.path, status=status, duration_ms=round(took_s * 1000, 1))

    def _answer(self, trouble: dict[str, Any], page: str, release: dict[str, Any]) -> tuple[int, str, bytes]:
        if "status" in trouble:
            return int(trouble["status"]), "application/json", json.dumps(trouble.get("body", {})).encode()
        if self.path == "/health":
            return 200, "application/json", b'{"status": "ok", "database": "ok"}'
        if self.path == "/":
            return 200, "text/html; charset=utf-8", b"<!doctype html><title>Lab</title><h1>The lab's website</h1>\n"
        if page in SHOP:
            failed = self.server.fails(page, float(release.get("fails", 0)))
            told = {"error": "boom"} if failed else {"version": str(release.get("version", ""))}
            return (500 if failed else 200), "application/json", json.dumps(told).encode()
        return 404, "text/plain", b"Nothing here.\n"

    def log_message(self, *_: object) -> None:
        """It has a log of its own."""


def _context(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def main(folder: Path, port: int) -> None:
    site = Site(folder, port)
    if site.trouble.get("until_restarted"):
        (folder / TROUBLE).unlink(missing_ok=True)
    site.log.write("info", "started", port=port)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    threading.Thread(target=site.serve_forever, daemon=True).start()
    while not over.wait(WORD_EVERY_S):
        site.log.write("info", "still here")
    site.log.write("info", "stopped")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
