"""The lab's Slack: answers auth.test as Slack does, for two tokens. Nobody is written to.

Started as a script, by its path, so that it need not import the house: `python slack.py FOLDER PORT`. FOLDER holds
`tokens`, one a line, and `token`, the one in use.
"""

from __future__ import annotations

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN, TOKENS = "token", "tokens"
PATH = "/api/auth.test"


class Slack(ThreadingHTTPServer):
    """Knows its tokens; they do not change while it runs."""

    daemon_threads = True

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.tokens = frozenset((folder / TOKENS).read_text(encoding="utf-8").split())


class Answer(BaseHTTPRequestHandler):
    """Says no with a 200, as Slack does."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        slack = self.server
        assert isinstance(slack, Slack)  # noqa: S101 - nobody else makes one
        known = self.headers.get("authorization", "").removeprefix("Bearer ") in slack.tokens
        if self.path != PATH:
            self._say({"ok": False, "error": "unknown_method"})
        elif known:
            self._say({"ok": True, "user": "incident", "team": "Lab"}, {"x-oauth-scopes": "chat:write"})
        else:
            self._say({"ok": False, "error": "invalid_auth"})

    def _say(self, body: dict[str, object], headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        for name, value in {"content-type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Whoever asks is nobody's news."""


def main(folder: Path, port: int) -> None:
    """Answer until told to stop."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    Slack(folder, port).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
