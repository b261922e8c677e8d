"""Stop exactly the process that was meant: by a handle on it, so that its number cannot become another's meanwhile."""

from __future__ import annotations

import os
import select
import signal

from tasks.host.processes.running import began, ours
from tasks.model import Json, Row

# As long as systemd's shortest usual stop; what is at work when it is asked may want to finish it.
ENDS_WITHIN_S = 10.0

ENDED, GONE, LIVES = "ended", "was gone already", "still runs"


def stopped(target: Row) -> Row:
    """Ask it to end, by SIGTERM and nothing stronger, and wait: what became of it."""
    pid, moment = _number(target["pid"]), _number(target["began"])
    if pid in ours():
        return {**target, "became": "left alone: it is one of ours"}
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return {**target, "became": GONE}
    try:
        # After the handle is held: from here on it means this one process.
        if not is_there(target) or began(pid) != moment:
            return {**target, "became": GONE}
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        # Readable once it has ended, whether or not somebody asks how.
        ended = bool(select.select([handle], [], [], ENDS_WITHIN_S)[0])
        return {**target, "became": ENDED if ended else LIVES}
    except (ProcessLookupError, FileNotFoundError):
        return {**target, "became": GONE}
    except PermissionError:
        return {**target, "became": "left alone: it is another user's, and may not be stopped from here"}
    finally:
        os.close(handle)


def is_there(target: Row) -> bool:
    """Does exactly this process still run? One that has ended, and waits for its parent to hear of it, does not."""
    try:
        handle = os.pidfd_open(_number(target["pid"]))
    except (ProcessLookupError, PermissionError):
        return False
    try:
        return began(_number(target["pid"])) == target["began"] and not select.select([handle], [], [], 0)[0]
    except OSError:
        return False
    finally:
        os.close(handle)


def _number(value: Json) -> int:
    return int(str(value))
