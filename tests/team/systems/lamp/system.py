"""Lamp: a system small enough to hold in a file. It shows how a team adds one, and lets tests break it in every way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import SecretStr

from tasks.model import CannotLook, Finding, Verdict
from tasks.system import System


class Lamp(System):
    """A lamp whose state is a JSON file."""

    kind: ClassVar[str] = "lamp"
    config_lines: ClassVar[str] = 'file = "lamp.json"'

    file: Path
    # A lamp has no use for one. It is here to be found nowhere else.
    password: SecretStr = SecretStr("")

    def state(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.file.read_text())
        except FileNotFoundError as error:
            raise CannotLook(f"There is no lamp at {self.file.name}.") from error
        return found

    def set(self, **changes: object) -> None:
        changed = {**self.state(), **changes}
        draft = self.file.with_suffix(".draft")
        draft.write_text(json.dumps(changed))
        draft.replace(self.file)

    def happened(self, what: str) -> None:
        """Add a line that no crash takes back: what was asked, and what was done."""
        with self.file.with_suffix(".log").open("a") as log:
            log.write(f"{what}\n")

    def wait_at(self, place: str) -> None:
        """Where somebody may stop the world: while the lamp is told to hold here, nothing goes on."""
        self.happened(f"at {place}")
        while self.state().get("hold") == place:
            time.sleep(0.02)

    def examine(self) -> Iterator[Finding]:
        yield Finding(verdict=Verdict.OK, says=f"The lamp is {'on' if self.state()['lit'] else 'off'}.")
