"""The door to reports of known weaknesses, in files that your CI or a timer writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks import report_file
from tasks.amounts import stretch
from tasks.model import CannotLook, Finding, Verdict
from tasks.report_file import OLDEST_S, WholePath
from tasks.system import System
from tasks.vulnerabilities.reading import READERS, Told


class Report(BaseModel):
    """Where a report lies, and who made it. `of` is what people call what was looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str = Field(min_length=1, max_length=60)
    made_by: Literal["pip-audit", "npm-audit", "trivy", "apt"]
    file: WholePath


@dataclass(frozen=True, kw_only=True)
class Read:
    """A report that was read: how old it is, and what it tells; or why not."""

    report: Report
    age_s: float = 0.0
    told: Told | None = None
    trouble: str = ""
    remedy: str = ""


class Vulnerabilities(System):
    """What is known to be weak in what you run. Reports are read, never made: that takes minutes elsewhere."""

    kind: ClassVar[str] = "vulnerabilities"
    config_lines: ClassVar[str] = (
        "reports = [\n"
        '    { of = "the API", made_by = "pip-audit", file = "/var/lib/reports/api.json" },       # pip-audit -f json\n'
        '    { of = "the website", made_by = "npm-audit", file = "/var/lib/reports/site.json" },  # npm audit --json\n'
        '    { of = "the image", made_by = "trivy", file = "/var/lib/reports/image.json" },       # --format json\n'
        '    { of = "this machine", made_by = "apt", file = "/var/lib/reports/apt.txt" },  # apt list --upgradable\n'
        "]"
    )

    reports: tuple[Report, ...] = Field(min_length=1, max_length=50)
    # Weaknesses become known every day: an older report says nothing about today.
    oldest_s: float = Field(default=OLDEST_S, gt=0)

    @model_validator(mode="after")
    def _are_told_apart(self) -> Vulnerabilities:
        name, often = Counter(one.of for one in self.reports).most_common(1)[0]
        if often > 1:
            raise ValueError(f"two reports are of {name!r}; name them apart")
        return self

    def read(self) -> list[Read]:
        """Every report; one that is missing, broken, old, or looked at nothing, says so in `trouble`."""
        return [self._read(one) for one in self.reports]

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for one in self.read():
            if one.told is None:
                yield Finding(verdict=Verdict.BAD, says=f"{one.report.of}: {one.trouble}", remedy=one.remedy)
            else:
                says = f"{one.report.of}: {one.told.looked_at:,} looked at, {stretch(one.age_s)} ago."
                yield Finding(verdict=Verdict.OK, says=says)

    def _read(self, report: Report) -> Read:
        try:
            content, age_s = report_file.read(report.file)
            told = READERS[report.made_by](content)
        except CannotLook as error:
            return Read(report=report, trouble=error.says, remedy=error.remedy)
        trouble = report_file.too_old(age_s, self.oldest_s)
        if not trouble and not told.looked_at:
            trouble = "The report looked at nothing" + (f": {told.skipped[0]}" if told.skipped else "") + "."
        if trouble:
            return Read(report=report, age_s=age_s, trouble=trouble, remedy="Look why it is not made any more.")
        return Read(report=report, age_s=age_s, told=told)
