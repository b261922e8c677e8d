"""Ways to let somebody try passwords."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from tasks.blocking.system import Blocking
from tasks.fault import Fault
from tasks.logs.origin import network_of
from tasks.logs.system import Logs

# Nobody's (RFC 5737).
FROM = "203.0.113.66"


@dataclass(frozen=True)
class Tried:
    """What was written where, and where the drill's block may stand afterwards."""

    blocking: Blocking
    log: Path
    written: bytes


class GuessPasswords(Fault):
    """Try the passwords of one account from one address, as the last log's service would write it down."""

    def __init__(self, tries: int = 400) -> None:
        self.tries = tries

    def cause(self, logs: Logs, blocking: Blocking) -> Tried:
        line = {"level": "warn", "time": time.time(), "msg": "login failed", "ip": FROM, "user": "admin@example.com"}
        written, log = f"{json.dumps(line)}\n".encode() * self.tries, logs.files[-1].path
        # One write, at the end: what the service writes meanwhile stands before or after it.
        with log.open("ab") as file:
            file.write(written)
        return Tried(blocking, log, written)

    def cure(self, trouble: Tried) -> None:
        """Let the address in again, and blank what was written: its hour is not over, and it would count."""
        network = network_of(FROM)
        if network is not None and any(one.network == network for one in trouble.blocking.blocks()):
            trouble.blocking.let_in([network])
        with trouble.log.open("r+b") as file:
            at = file.read().rfind(trouble.written)
            if at >= 0:
                # In its place and as long: what the service writes meanwhile is not touched.
                file.seek(at)
                file.write(b"\n" * len(trouble.written))
