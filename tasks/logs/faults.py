"""Ways to make logs tell of trouble, or tell nothing."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tasks.fault import Fault
from tasks.logs.system import Logs


class WriteErrors(Fault):
    """Write errors into the first log, as its service would."""

    def __init__(self, errors: int = 60) -> None:
        self.errors = errors

    def cause(self, logs: Logs) -> None:
        lines = [
            json.dumps({"level": "error", "time": time.time(), "msg": f"order {n}: connection to the database refused"})
            for n in range(self.errors)
        ]
        # One write, at the end: what the service writes meanwhile stands before or after it.
        with logs.files[0].path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def cure(self, trouble: None) -> None:
        """What is written is written; a look without errors follows by itself."""


class TryPasswords(Fault):
    """Write failed logins of one address into the first log."""

    def __init__(self, tries: int = 60) -> None:
        self.tries = tries

    def cause(self, logs: Logs) -> None:
        line = json.dumps({"level": "warn", "time": time.time(), "msg": "login failed", "ip": "192.0.2.66"})
        with logs.files[0].path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n" * self.tries)

    def cure(self, trouble: None) -> None:
        """What is written is written; a look without failed logins follows by itself."""


class TurnWithoutReopening(Fault):
    """Rename the first log under its service, as logrotate does without `postrotate`."""

    def cause(self, logs: Logs) -> tuple[Path, Path]:
        log = logs.files[0].path
        turned = log.with_name(f"{log.name}.1")
        log.rename(turned)
        return turned, log

    def cure(self, trouble: tuple[Path, Path]) -> None:
        """Give the file its name back, unless its service has begun a new one."""
        turned, log = trouble
        if turned.exists() and not log.exists():
            turned.rename(log)
