#!/usr/bin/env bash
# An answer that redirects to a mail address cannot be read with httpx, even by who does not follow redirects.
#
# Version: httpx 0.28.1 from PyPI, any Python it supports.
# Source:  httpx/_client.py (`_send_handling_redirects`, `_redirect_url`) and httpx/_urlparse.py.
# Guess:   `httpx.get(url, follow_redirects=False)` gives the 302 with its Location as it was sent; should anything be
#          raised, then an `httpx.HTTPError`, as for a Location with a port that is no number.
# Seen:    for `Location: mailto:help@example.com` it raises `httpx.InvalidURL`, which is no `HTTPError`: the next address
#          is worked out although nobody asked to go there. A port that is no number is a `RemoteProtocolError`, which is
#          one; `market://details?id=1` gives the 302.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check "httpx==0.28.1" 2>/dev/null
seen=$("$folder/venv/bin/python" - <<'PY'
import http.server
import threading

import httpx


class Redirects(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", TO)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_told: object) -> None:
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Redirects)
threading.Thread(target=server.serve_forever, daemon=True).start()
for TO in ("market://details?id=1", "https://example.com:port/", "mailto:help@example.com"):
    try:
        answer = httpx.get(f"http://127.0.0.1:{server.server_port}/", follow_redirects=False, trust_env=False)
        print(TO, answer.status_code)
    except Exception as error:
        print(TO, type(error).__name__, isinstance(error, httpx.HTTPError))
PY
)
echo "$seen"
[[ $seen == "market://details?id=1 302
https://example.com:port/ RemoteProtocolError True
mailto:help@example.com InvalidURL False" ]]
