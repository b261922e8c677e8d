"""Does a service write where it should, and when did it last?"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.logs.generations import before, current, written_to
from tasks.model import CannotLook, Refused, Verdict

REOPEN = "Give logrotate `copytruncate`, or `postrotate` with the signal that makes the service reopen its log."
# A line that was on its way while the file was renamed says nothing.
ON_ITS_WAY_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Written:
    """For how many seconds nothing was written; what is wrong beside that, and what helps."""

    silent_s: float
    wrong: tuple[Verdict, str] | None = None
    remedy: str = ""


def written(path: Path) -> Written:
    """Look at the log's files from outside; their contents are not read."""
    try:
        real = written_to(path)
    except Refused as error:
        return Written(silent_s=math.inf, wrong=(Verdict.UNKNOWN, _said(error)), remedy=error.remedy)
    except CannotLook as error:
        return Written(silent_s=math.inf, wrong=(Verdict.BAD, f"has no log: {_said(error)}"), remedy=error.remedy)
    silent_s = max(0.0, time.time() - real.changed_s)
    try:
        wanted = current(path)
    except CannotLook:
        said = f"writes on into {real.path}, and {path.name} does not exist"
        return Written(silent_s=silent_s, wrong=(Verdict.BAD, said), remedy=REOPEN)
    if wanted.path != real.path and real.changed_s > wanted.changed_s + ON_ITS_WAY_S:
        said = f"writes on into {real.path}, and {path.name} stays empty"
        return Written(silent_s=silent_s, wrong=(Verdict.BAD, said), remedy=REOPEN)
    if not wanted.size:
        # An empty one was made, not written: what it took the place of was.
        silent_s = max(
            0.0, time.time() - max((one.changed_s for one in before(path, wanted)), default=wanted.changed_s)
        )
    return Written(silent_s=silent_s)


def _said(error: CannotLook) -> str:
    return error.says.rstrip(".")
