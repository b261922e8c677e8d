"""The lab's users: they look at orders and products of its website, ten times a second, and take what they get.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python caller.py FOLDER PORT`. FOLDER holds `trusted`, the path of the certificate that the website is believed by.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TRUSTED = "trusted"
EVERY_S = 0.1
# Users go on asking while others wait: a website that takes three seconds has thirty of them at once.
MOST_AT_ONCE = 40
PATIENCE_S = 5.0


def ask(port: int, context: ssl.SSLContext, path: str, waiting: threading.Semaphore) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        line = http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE_S, context=context)
        with contextlib.closing(line):
            line.request("GET", path)
            line.getresponse().read()
    waiting.release()


def main(folder: Path, port: int) -> None:
    context = ssl.create_default_context(cafile=(folder / TRUSTED).read_text(encoding="utf-8").strip())
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    waiting = threading.Semaphore(MOST_AT_ONCE)
    asked, begun = 0, time.monotonic()
    with ThreadPoolExecutor(MOST_AT_ONCE) as users:
        # By the clock, and not after the last answer: a slow website is asked as often as a quick one.
        while not over.wait(max(0.0, begun + asked * EVERY_S - time.monotonic())):
            asked += 1
            if waiting.acquire(blocking=False):  # else one who goes away
                path = "/products" if asked % 5 == 0 else f"/orders/{asked % 1000}"
                users.submit(ask, port, context, path, waiting)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
