"""What a monitoring system is told about its own alert: that an incident began, and how it ended."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from tasks.model import Finding, Refused, Verdict
from tasks.web.system import HostedApi


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is said there: a sentence, the link to the run, and whether the incident's fault is gone."""

    sentence: str
    link: str
    well: bool = False

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.link}"


class AlertingApi(HostedApi):
    """A monitoring system's API. Each verb may be done again: a second time does nothing more.

    `theirs` is what the system itself calls its alert, as its source read it; a system raises CannotLook or Refused.
    """

    # What is told there keeps it from telling people any further.
    quietens: ClassVar[bool] = True
    # It can be told of an end that is no good one, too.
    hears_of_any_end: ClassVar[bool] = False

    @abstractmethod
    def known_as(self) -> str:
        """Ask something that only our credentials are answered to, and that changes nothing; who answered, for whom.

        Raises:
            CannotLook: no answer. Refused: it does not take our credentials.
        """

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        yield answers(self.known_as)

    @abstractmethod
    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        """An incident was opened."""

    @abstractmethod
    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        """The incident is over."""


def answers(known_as: Callable[[], str]) -> Finding:
    """Are our credentials taken? BAD where they are refused, in the tool's own words.

    Raises:
        CannotLook: no answer. What nobody answers to, nobody has refused.
    """
    try:
        return Finding(verdict=Verdict.OK, says=known_as())
    except Refused as error:
        return Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
