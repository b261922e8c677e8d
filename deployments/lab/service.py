"""The lab's servers as services: `python -m deployments.lab restart postgres`, as `systemctl` would.

The exit codes are LSB's: 0 done or running, 3 not running, 4 no such service. INCIDENT_HOME names the lab.
"""

from __future__ import annotations

import argparse
import sys
import time
import xmlrpc.client
from collections.abc import Sequence

from deployments import supervise
from deployments.home import Home
from deployments.supervise import UP, Supervisor

POSTGRES = "postgres"
VERBS = ("restart", "status", "stop", "pid")
NOT_RUNNING, NO_SUCH_SERVICE = 3, 4
# In supervisor's numbers: up for longer than its `startsecs`.
RUNNING = 20
STARTS_WITHIN_S = 20.0
POLL_S = 0.05


def command(verb: str, program: str) -> list[str]:
    """The command line that does `verb` with one of the lab's programs."""
    # -P: a folder called `deployments` in the current directory is not ours.
    return [sys.executable, "-P", "-m", "deployments.lab", verb, program]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="deployments.lab", description=__doc__)
    parser.add_argument("verb", choices=VERBS)
    parser.add_argument("program")
    asked = parser.parse_args(arguments)
    home = Home.find()
    lab = supervise.connect(home.lab)
    if lab is None or not _knows(lab, asked.program):
        print(f"{asked.program}: no such service in {home.lab.folder}; `incident lab up` starts it", file=sys.stderr)
        return NO_SUCH_SERVICE
    return _do(lab, asked.verb, asked.program)


def _knows(lab: Supervisor, program: str) -> bool:
    try:
        lab.state(program)
    except xmlrpc.client.Fault:
        return False
    return True


def _do(lab: Supervisor, verb: str, program: str) -> int:
    if verb == "pid":
        print(lab.pids().get(program, 0))
        return 0
    if verb == "stop":
        lab.stop(program)
    elif verb == "restart":
        lab.restart(program)
        if not _started(lab, program):
            print(f"{program} did not start; see {lab.part.log(program)}", file=sys.stderr)
            return 1
    up = lab.state(program) in UP
    print("running" if up else "stopped")
    return NOT_RUNNING if verb == "status" and not up else 0


def _started(lab: Supervisor, program: str) -> bool:
    until = time.monotonic() + STARTS_WITHIN_S
    while (state := lab.state(program)) in UP and time.monotonic() < until:
        if state == RUNNING:
            return True
        time.sleep(POLL_S)
    return False
