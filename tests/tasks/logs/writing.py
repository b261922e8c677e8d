"""A service that writes a log, as loggers do, and a rotation that takes it away."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.check import Check
from tasks.logs.system import LogFile, Logs
from tasks.model import Earlier, Finding


def iso(at_s: float | None = None) -> str:
    at_s = time.time() if at_s is None else at_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)) + f".{int(at_s % 1 * 1000):03}Z"


def pino(level: int, msg: str, at_s: float | None = None, **more: Any) -> str:
    at_s = time.time() if at_s is None else at_s
    return json.dumps({"level": level, "time": int(at_s * 1000), "pid": 1, "msg": msg, **more}, separators=(",", ":"))


def error(msg: str = "boom", at_s: float | None = None) -> str:
    return pino(50, msg, at_s)


@dataclass
class Service:
    """Writes to `path`; `ask` looks at it as the next round would, with what the last one has left."""

    path: Path
    asked: Check[Any]
    name: str = "api"
    settings: dict[str, Any] = field(default_factory=dict)
    last: Finding | None = None

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write("\n".join(lines) + end if lines else "")

    @property
    def logs(self) -> Logs:
        return Logs(files=(LogFile(service=self.name, path=self.path),), **self.settings)

    def ask(self, **given: Any) -> Finding:
        # As the journal hands it back: through JSON.
        facts = json.loads(json.dumps(self.last.facts)) if self.last else {}
        before = Earlier(at_s=time.time(), value=0, facts=facts) if self.last else None
        self.last = self.asked.fn(self.logs, earlier=before, **given)
        return self.last

    def new(self, **given: Any) -> int:
        """How much the next look counts that the last one did not."""
        recent = self.ask(**given).facts["recent"]
        assert isinstance(recent, list)
        return sum(recent[-1]["total"].values())


def renamed(path: Path, to: str = ".1") -> Path:
    """logrotate's `create`: the old one under a new name, an empty one in its place."""
    turned = path.with_name(path.name + to)
    path.rename(turned)
    path.touch()
    return turned


def copied_away(path: Path, to: str = ".1") -> Path:
    """logrotate's `copytruncate`: the same file, empty; its content in another."""
    turned = path.with_name(path.name + to)
    shutil.copy2(path, turned)
    os.truncate(path, 0)
    return turned


def packed(path: Path) -> Path:
    """As gzip does it: with the time of the original."""
    to = path.with_name(f"{path.name}.gz")
    found = path.stat()
    with path.open("rb") as plain, gzip.open(to, "wb") as file:
        shutil.copyfileobj(plain, file)
    os.utime(to, ns=(found.st_atime_ns, found.st_mtime_ns))
    path.unlink()
    return to


Turn = Callable[[Path], Path]
