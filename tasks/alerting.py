"""What a monitoring system is told about its own alert: that an incident began, and how it ended."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

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
    def began(self, theirs: Mapping[str, str], said: Said) -> None:
        """An incident was opened."""

    @abstractmethod
    def ended(self, theirs: Mapping[str, str], said: Said) -> None:
        """The incident is over."""
