"""Ways to let a process run away, within bounds: a spinning one of our own, a leak in a worker that can be told to."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tasks import drill_file
from tasks.fault import Fault
from tasks.host.machine import Machine
from tasks.host.system import here
from tasks.model import Refused
from tasks.queues.system import Queues

# By this name it is told from whatever else runs on the machine; Linux keeps 15 characters.
SPINNER = "incident-drill"
# As long as a drill may take, and no longer, whatever becomes of who began it.
SPINS_FOR_S = 900
_CODE = """\
import sys, time
with open("/proc/self/comm", "w") as name:
    name.write(sys.argv[1])
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    pass
"""


class LeaveSpinning(Fault):
    """Leave a process running that does nothing, as fast as one core can."""

    def cause(self, host: Machine) -> subprocess.Popen[bytes]:
        if SPINNER not in here(host).may_stop:
            raise Refused(
                "What the drill starts, its step could not stop.",
                remedy=f'may_stop = ["{SPINNER}"]  # of the host, in lab and staging only',
            )
        return subprocess.Popen(
            [sys.executable, "-I", "-c", _CODE, SPINNER, str(SPINS_FOR_S)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def cure(self, trouble: subprocess.Popen[bytes]) -> None:
        trouble.kill()
        trouble.wait()


@dataclass(frozen=True)
class Told:
    """By which file the worker was told."""

    file: Path


class LeakInWorker(Fault):
    """Let a worker of the queues hold on to more and more memory.

    A worker that can be told so (`drill_file`), as the lab's: it takes 200 MiB at most, gives them back when the file
    is gone, and one that is started meanwhile does not leak.
    """

    def cause(self, host: Machine, queues: Queues) -> Told:
        # Asked for, so that a drill is refused where nobody could see it.
        here(host)
        return Told(drill_file.tell(queues.drill_file, "The queues' worker", {"leaks": True}))

    def cure(self, trouble: Told) -> None:
        trouble.file.unlink(missing_ok=True)
