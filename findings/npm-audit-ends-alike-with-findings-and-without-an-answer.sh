#!/usr/bin/env bash
# npm audit ends with 1 and writes a JSON object, both where it found something and where no registry answered.
#
# Versions: npm 11.19.1 from npm's registry.
# Source:   npm's lib/utils/audit-error.js and lib/commands/audit.js.
# Guess:    a registry that does not take the question is told by another exit code than a weakness, or by no JSON.
# Seen:     against a registry on loopback that answers 405 (as many mirrors and proxies do), 1 and an object with
#           `message`, `statusCode` and `error`; against one that tells a weakness, 1 and an object with
#           `vulnerabilities`. `npm audit --json || true` in CI keeps the first as if it were a report, and whoever reads
#           `.vulnerabilities // {}` from it finds none.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, npm cannot be had here.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix npm npm@11.19.1 >/dev/null 2>&1 || { echo "needs npm 11.19.1"; exit 2; }
cat >package.json <<'JSON'
{"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}}
JSON
cat >package-lock.json <<'JSON'
{"name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": {
  "": {"name": "x", "version": "1.0.0", "dependencies": {"lodash": "4.17.4"}},
  "node_modules/lodash": {"version": "4.17.4"}}}
JSON
cat >registry.py <<'PY'
import http.server
import json

ADVISORY = {"id": 1, "url": "https://example.com/advisories/X-1", "title": "An example", "severity": "high",
            "vulnerable_versions": "<4.17.5", "cwe": [], "cvss": {"score": 0, "vectorString": None}}


class Registry(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        told = "/tells/" in self.path
        body = json.dumps({"lodash": [ADVISORY]} if told else {}).encode()
        self.send_response(200 if told else 405)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


serving = http.server.HTTPServer(("127.0.0.1", 0), Registry)
print(serving.server_port, flush=True)
serving.serve_forever()
PY
mkfifo port
"$PYTHON" registry.py >port &
server=$!
read -r PORT <port
audit() {
    code=0
    npm_config_cache="$folder/cache" npm/node_modules/.bin/npm audit --json --fetch-retries=0 \
        --registry "http://127.0.0.1:$PORT/$1/" >"$1.json" 2>/dev/null || code=$?
    echo "$1: exit code $code, $("$PYTHON" -c 'import json, sys; print(sorted(json.load(open(sys.argv[1]))))' "$1.json")"
}
audit tells
first=$code
audit silent
[ "$first" = 1 ] && [ "$code" = 1 ] && grep -q '"vulnerabilities"' tells.json && ! grep -q '"vulnerabilities"' silent.json
