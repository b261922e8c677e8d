"""A forkserver whose runs do no flow, but say what they were born with: `python -m tests.deployments.forked FD`."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deployments import forkserver
from deployments.engine import lightly


def told(asked: Mapping[str, Any]) -> int:
    """Write down what this process is; then end as it was told to."""
    given = asked["environment"]
    os.environ.update(given)
    born = {
        "pid": os.getpid(),
        "random": random.random(),  # noqa: S311 - whether it repeats is the question
        "secret": secrets.token_hex(8),
        "threads": len(list(Path("/proc/self/task").iterdir())),
        "lock": threading.Lock().acquire(timeout=1),
        "runs": [name for name in os.environ if name.startswith("RUN_")],
        "sockets": sum("socket:" in str(file.readlink()) for file in Path("/proc/self/fd").iterdir() if file.exists()),
    }
    # Moved there whole, so that nobody reads half of it.
    half = Path(given["TELL"]).with_suffix(".half")
    half.write_text(json.dumps(born))
    half.rename(given["TELL"])
    if "HOLD" in given:
        time.sleep(60)
    if "KILL" in given:
        os.kill(os.getpid(), signal.SIGKILL)
    return int(given.get("CODE", 0))


if __name__ == "__main__":
    random.seed(1)
    forkserver._execute = told
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    with lightly():
        forkserver.Forkserver(control).serve()
