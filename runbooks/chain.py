"""Chain: a diagnosis whose questions stand in the order of causes."""

from __future__ import annotations

from collections.abc import Mapping

from runbooks.model import AnyCheck
from tasks.model import Finding, Verdict


class Chain(tuple[AnyCheck, ...]):
    """The questions of a diagnosis, each about something that those after it need.

    Whatever is broken breaks what comes after it, too: the first BAD answer is the cause to look at, and the last one
    is what people complain of.
    """

    def first_broken(self, found: Mapping[AnyCheck, Finding]) -> AnyCheck | None:
        """The first link that is broken; None: none is, as far as can be seen."""
        return next((asked for asked in self if asked in found and found[asked].verdict is Verdict.BAD), None)

    def unseen_before(self, broken: AnyCheck | None, found: Mapping[AnyCheck, Finding]) -> list[AnyCheck]:
        """The links before it of which nobody can say whether they hold; of all, where none is broken."""
        before = self if broken is None else self[: self.index(broken)]
        return [asked for asked in before if asked in found and found[asked].verdict is Verdict.UNKNOWN]
