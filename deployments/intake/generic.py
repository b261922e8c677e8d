"""Whatever sends JSON and gives a secret with it. Its fields are found by a mapping."""

from __future__ import annotations

from typing import ClassVar

from deployments.intake.mapping import Mapped
from deployments.intake.source import TokenSource


class Generic(Mapped, TokenSource):
    """`secret` is given as a bearer, as Basic's password, in `header` or behind the address."""

    type: ClassVar[str] = "generic"
