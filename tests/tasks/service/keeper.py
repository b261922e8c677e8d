"""A pretend service for a test's folder: `keeper.py VERB FOLDER`. It runs while FOLDER/pid names a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

verb, folder = sys.argv[1], Path(sys.argv[2])
file = folder / "pid"


def pid() -> int | None:
    if not file.exists():
        return None
    number = int(file.read_text())
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return None
    return number


def stop() -> None:
    number = pid()
    if number is not None:
        os.kill(number, signal.SIGKILL)
        # Not waited for: where nobody buries orphans, a dead one stays visible.
        file.unlink()


if (folder / "broken").exists() and verb != "status":
    sys.exit("Job for web.service failed because the control process exited with error code.")
if (folder / "hangs").exists() and verb == "restart":
    time.sleep(60)
if verb in ("stop", "restart"):
    stop()
if verb == "restart":
    # Its output is ours, as a daemon's often is.
    daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
    file.write_text(str(daemon.pid))
    print(f"started with the token {len(os.environ.get('TOKEN', ''))} long")
if verb == "status":
    sys.exit(4 if (folder / "unknown").exists() else 0 if pid() else 3)
