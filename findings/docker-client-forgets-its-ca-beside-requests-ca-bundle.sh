#!/usr/bin/env bash
# docker's client does not believe the engine's own authority, which it was given, while REQUESTS_CA_BUNDLE is set.
#
# Version: docker 7.2.0 and requests 2.34.2 from PyPI (trustme 1.2.1 makes the authority), any Python they support.
# Source:  docker/tls.py (`configure_client` sets `session.verify`) and requests/sessions.py
#          (`merge_environment_settings`, which looks at the environment before it looks at the session).
# Guess:   `TLSConfig(ca_cert=…, verify=True)` is the more special setting and wins: an engine whose certificate is of
#          that authority is believed, whatever the environment names for other hosts.
# Seen:    with REQUESTS_CA_BUNDLE pointing to the public authorities (certifi's, as images of companies often set it)
#          the same client refuses the same engine: CERTIFICATE_VERIFY_FAILED. Without the variable, or with
#          `client.trust_env = False`, it is believed. Nothing in the error names the variable.
#
# Exit 0: as described. Exit 1: it behaves otherwise now.
set -euo pipefail
PYTHON=${PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check \
    "docker==7.2.0" "requests==2.34.2" "trustme==1.2.1" 2>/dev/null
seen=$("$folder/venv/bin/python" - "$folder" <<'PY'
import http.server
import os
import ssl
import sys
import threading

import certifi
import docker
import trustme
from docker.tls import TLSConfig

folder = sys.argv[1]
authority = trustme.CA()
authority.cert_pem.write_to_path(f"{folder}/ca.pem")


class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def log_message(self, *_told: object) -> None:
        pass


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
authority.issue_cert("127.0.0.1").configure_cert(context)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Engine)
server.handle_error = lambda *_: None
server.socket = context.wrap_socket(server.socket, server_side=True)
threading.Thread(target=server.serve_forever, daemon=True).start()


def asked(*, trusts_environment: bool = True) -> str:
    tls = TLSConfig(ca_cert=f"{folder}/ca.pem", verify=True)
    client = docker.APIClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.44", tls=tls)
    client.trust_env = trusts_environment
    try:
        return "believed" if client.ping() else "no answer"
    except Exception as error:
        return "refused" if "CERTIFICATE_VERIFY_FAILED" in str(error) else f"{type(error).__name__}: {error}"


os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)
print("without the variable:", asked())
os.environ["REQUESTS_CA_BUNDLE"] = certifi.where()
print("with it:", asked())
print("with it, and trust_env off:", asked(trusts_environment=False))
PY
)
echo "$seen"
[[ $seen == "without the variable: believed
with it: refused
with it, and trust_env off: believed" ]]
