"""How long the last hour of a large log takes to be looked at, beside grep over the whole of it, in the same run.

    python -m tests.benchmarks.logs [--gib 2] [--folder /dev/shm]

The log is a day long and is written for it: pino's lines of requests, one in a thousand an error, one in ten thousand
with a trace of eleven lines. Each question is asked in a process of its own, whose peak of memory is told as well; as
in the product, the interpreter and the house are there before. grep is run as the seeds have it, with its fastest
locale and with the one that most shells have, over a file that is in memory. The log is taken away at the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tasks.check import Check
from tasks.logs.checks import check_log_errors
from tasks.logs.system import LogFile, Logs
from tasks.requests.checks import check_request_errors

DAY_S = 86_400
LINE = (
    '{{"level":{level},"time":{ms},"pid":14535,"hostname":"web-1","req":{{"id":{n},"method":"GET","url":"/orders/{n}?x=1",'
    '"remoteAddress":"192.0.2.7","remotePort":48324}},"res":{{"statusCode":{status}}},"responseTime":{took},"msg":"{msg}"}}\n'
)
TRACE = "".join(f"    at step{n} (/srv/app/orders.js:{n}:17)\n" for n in range(10))
THROWN = f"TypeError: cannot read properties of undefined\n{TRACE}"
PATTERN = 'ERROR|FATAL|Exception|"level":50'


QUESTIONS: dict[str, Check[Any]] = {one.name: one for one in (check_log_errors, check_request_errors)}


def write(file: Path, size: int, until_s: float) -> None:
    """A day of lines up to `until_s`, about `size` bytes of them."""
    each = len(LINE.format(level=30, ms=1795986703566, n=100000, status=200, took=11, msg="request completed"))
    a_second = max(1, round(size / DAY_S / each))
    with file.open("w", encoding="utf-8", buffering=2**20) as out:
        number = 0
        for second in range(DAY_S):
            ms = int((until_s - DAY_S + second) * 1000)
            for n in range(a_second):
                number += 1
                failed = number % 1000 == 0
                out.write(
                    LINE.format(
                        level=50 if failed else 30,
                        ms=ms + n * 1000 // a_second,
                        n=number % 100_000,
                        status=500 if failed else 200,
                        took=number % 37,
                        msg="boom" if failed else "request completed",
                    )
                )
                if number % 10_000 == 0:
                    out.write(THROWN)


def asked(name: str, file: Path) -> tuple[float, float, float, str]:
    """Seconds by the clock and of the processor, MiB of memory above what the process had, and what it says."""
    logs = Logs(files=(LogFile(service="api", path=file),))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun, worked = time.perf_counter(), time.process_time()
    finding = QUESTIONS[name].fn(logs)
    took_s, cpu_s = time.perf_counter() - begun, time.process_time() - worked
    return took_s, cpu_s, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, finding.says


def apart(work: Callable[..., Any], *given: Any) -> Any:
    with get_context("forkserver").Pool(1) as pool:
        return pool.apply(work, given)


def grep(file: Path, locale: str, *options: str) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    environment = {**os.environ, "LC_ALL": locale}
    command = ["grep", "-c", *options, PATTERN, str(file)]
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # Into a pipe: into /dev/null it would stop at the first line that fits.
    subprocess.run(command, env=environment, check=True, capture_output=True)
    took_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--gib", type=float, default=2.0)
    options.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = options.parse_args()
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        file = folder / "app.log"
        write(file, int(given.gib * 2**30), time.time())
        print(f"{file.stat().st_size / 2**30:.2f} GiB, a day")
        greps = {
            "grep -cE, LC_ALL=C": grep(file, "C", "-E"),
            "grep -ciE, LC_ALL=C": grep(file, "C", "-i", "-E"),
            "grep -ciE, LC_ALL=C.UTF-8": grep(file, "C.UTF-8", "-i", "-E"),
        }
        for name, (took_s, cpu_s) in greps.items():
            print(f"{name:32} {took_s:8.3f} s, of the processor {cpu_s:.3f} s")
        for name in QUESTIONS:
            took_s, cpu_s, mib, says = apart(asked, name, file)
            print(f"{name:32} {took_s:8.3f} s, of the processor {cpu_s:.3f} s, {mib:.1f} MiB: {says}")
            for grep_, (grep_s, grep_cpu_s) in greps.items():
                print(f"    {grep_s / took_s:.1f} times sooner than {grep_}, {grep_cpu_s / cpu_s:.1f} by the processor")
    finally:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
