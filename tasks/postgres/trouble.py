"""What a fault broke, as long as it is broken."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """What was broken, held open until it is cured."""

    mending: ExitStack
