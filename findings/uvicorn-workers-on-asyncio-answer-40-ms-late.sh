#!/usr/bin/env bash
# uvicorn with several workers (or --reload) answers each request of a kept connection some 40 ms late on asyncio's loop.
#
# Versions: uvicorn 0.54.0, httpx 0.28.1, Linux, CPython 3.11; without uvloop, as `pip install uvicorn` leaves it.
# Source:   uvicorn/config.py (`bind_socket`), asyncio/base_events.py (`_set_nodelay`).
# Guess:    two workers answer a small request as soon as one does.
# Seen:     one worker: 1 to 2 ms. Two: 44 ms, every request. uvicorn makes the socket beforehand for its workers, with
#           `socket.socket(family=…)`, whose protocol number is 0; asyncio turns Nagle's algorithm off only where that
#           number is IPPROTO_TCP, and the connections inherit it. Head and body of an answer are two writes, so the
#           second waits for the client's delayed acknowledgement. The same happens to whoever hands asyncio a listener
#           of their own: `socket.socket(proto=socket.IPPROTO_TCP)` mends it. uvloop does not look at the number.
#
# Exit 0: as described. Exit 1: it behaves otherwise now. Exit 2: not tried, needs Linux.
set -euo pipefail
PYTHON=${PYTHON:-python3}
[ "$(uname -s)" = Linux ] || { echo "needs Linux"; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check uvicorn==0.54.0 httpx==0.28.1 2>/dev/null
cat >"$folder/page.py" <<'PY'
async def app(scope, receive, send):
    if scope["type"] == "http":
        head = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": b"ok"})
PY
cd "$folder"
venv/bin/python - <<'PY'
import contextlib
import socket
import statistics
import subprocess
import sys
import time

import httpx


def milliseconds(workers: int) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "page:app", "--port", str(port), "--workers", str(workers),
               "--loop", "asyncio", "--log-level", "error"]
    server = subprocess.Popen(command)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    client.get("/")
                    break
                time.sleep(0.1)
            took = []
            for _ in range(40):
                began = time.perf_counter()
                client.get("/").raise_for_status()
                took.append((time.perf_counter() - began) * 1000)
        return statistics.median(took)
    finally:
        server.terminate()
        server.wait(30)


one, two = milliseconds(1), milliseconds(2)
print(f"one worker: {one:.1f} ms, two workers: {two:.1f} ms (medians of 40 requests)")
sys.exit(not (one < 10 and two > 30))
PY
