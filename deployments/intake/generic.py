"""Whatever sends JSON and gives a secret with it. Its fields are found by a mapping."""

from __future__ import annotations

from typing import ClassVar

from deployments.intake.mapping import Mapped
from deployments.intake.source import Sample, TokenSource


class Generic(Mapped, TokenSource):
    """`secret` is given as a bearer, as Basic's password, in `header` or behind the address."""

    type: ClassVar[str] = "generic"

    def sample(self, now_s: float) -> Sample:
        return self.bearer(self.body(now_s))
