"""Programs that misbehave for a test, and end by themselves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Ends after a minute whatever happens; of its own name, so that nobody else's processes are meant.
_NAMED = """
import sys, time
open("/proc/self/comm", "w").write(sys.argv[1])
until = time.monotonic() + 60
"""
_READY = "print('ready', flush=True)"
SPINS = f"{_NAMED}\n{_READY}\nwhile time.monotonic() < until: pass"
# 4 MiB a second, to 120 MiB at most: each page is written, or it would take no memory.
LEAKS = f"""{_NAMED}
held = []
{_READY}
while time.monotonic() < until:
    if len(held) < 300: held.append(b"x" * 400_000)
    time.sleep(0.1)
"""
LARGE = f"""{_NAMED}
held = b"x" * 100_000_000
{_READY}
while time.monotonic() < until: time.sleep(0.1)
"""
STUBBORN = f"{_NAMED}\nimport signal\nsignal.signal(15, signal.SIG_IGN)\n{_READY}\ntime.sleep(60)"


@contextmanager
def running(code: str, name: str, *, secret: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process of this program, once it is at work; its command line ends with `secret`."""
    child = subprocess.Popen([sys.executable, "-c", code, name, secret], stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout is None or child.stdout.readline() != "ready\n":
            raise AssertionError(f"{name} did not start.")
        yield child
    finally:
        child.kill()
        child.communicate()
