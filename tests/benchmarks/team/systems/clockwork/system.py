"""Clockwork: a system that answers after so many seconds, and is always at fault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import ClassVar

from tasks.model import Finding, Verdict
from tasks.system import System


class Clockwork(System):
    """What a question takes is known, so that what is left is the engine's."""

    kind: ClassVar[str] = "clockwork"
    config_lines: ClassVar[str] = "seconds = 1.0"

    seconds: float = 1.0

    def answer(self) -> Finding:
        time.sleep(self.seconds)
        return Finding(verdict=Verdict.BAD, says=f"It took {self.seconds:g} s.")

    def examine(self) -> Iterator[Finding]:
        yield Finding(verdict=Verdict.OK, says="It ticks.")
