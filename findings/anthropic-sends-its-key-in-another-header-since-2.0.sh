#!/usr/bin/env bash
# Anthropic's library sends the API key in another header since 2.0: what looks for x-api-key finds none.
#
# Versions: anthropic 0.121.0 and 2.14.0.
# Source:   anthropic/_client.py, `_api_key_auth`; anthropic/_constants.py, ANTHROPIC_API_VERSION.
# Guess:    Anthropic(api_key=…) sends x-api-key, as Anthropic's documents have it, whatever the library's version, and
#           anthropic-version 2023-06-01.
# Seen:     0.121.0 does. 2.14.0 sends `Authorization: Bearer <key>`, the header that those documents keep for
#           short-lived tokens, and anthropic-version 2026-10-21. A proxy, a gateway or a stand-in that reads x-api-key
#           answers 401 after an upgrade of the library, with a key that is good.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, the packages cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/sent.py" <<'PY'
import http.server
import json
import threading

import anthropic

NAMES = ("x-api-key", "authorization", "anthropic-version")
sent = []


class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sent.append({name: self.headers[name] for name in NAMES if self.headers[name]})
        body = json.dumps({"data": [], "has_more": False, "first_id": None, "last_id": None}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


api = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
threading.Thread(target=api.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{api.server_address[1]}"
anthropic.Anthropic(api_key="a-key", base_url=url, max_retries=0).models.list(limit=1)
print(json.dumps(sent[0], sort_keys=True))
PY
sent_by() {
    "$PYTHON" -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "anthropic==$1" >/dev/null 2>&1 ||
        { echo "needs anthropic $1" >&2; exit 2; }
    env -u ANTHROPIC_API_KEY -u ANTHROPIC_AUTH_TOKEN "$folder/$1/bin/python" "$folder/sent.py"
}
old=$(sent_by 0.121.0)
new=$(sent_by 2.14.0)
echo "0.121.0 sends $old"
echo "2.14.0 sends $new"
[ "$old" = '{"anthropic-version": "2023-06-01", "x-api-key": "a-key"}' ] || exit 1
[ "$new" = '{"anthropic-version": "2026-10-21", "authorization": "Bearer a-key"}' ] || exit 1
