"""The door to reports of secrets in repositories, in files that your CI or a timer writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasks import report_file
from tasks.amounts import stretch
from tasks.exposed.reading import READERS, Exposed
from tasks.model import CannotLook, Finding, Verdict
from tasks.report_file import OLDEST_S, WholePath
from tasks.system import System


class SecretReport(BaseModel):
    """Where a report lies, and who made it. `of` is what people call the repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str = Field(min_length=1, max_length=60)
    made_by: Literal["gitleaks", "trufflehog", "detect-secrets"]
    file: WholePath


@dataclass(frozen=True, kw_only=True)
class ReadSecrets:
    """A report that was read; or why not. `accepted` are those of its findings that the team has accepted."""

    report: SecretReport
    age_s: float = 0.0
    found: tuple[Exposed, ...] = ()
    accepted: int = 0
    trouble: str = ""
    remedy: str = ""


class ExposedSecrets(System):
    """Secrets that stand in your repositories. Scanners are yours; of their reports no secret is ever shown or kept.

    `accepted` are fingerprints of what is no secret: an example in a test.
    """

    kind: ClassVar[str] = "exposed_secrets"
    config_lines: ClassVar[str] = (
        "reports = [\n"
        '    { of = "acme/app", made_by = "gitleaks", file = "/var/lib/reports/app-secrets.json" },\n'
        "]   # gitleaks git --report-format json; trufflehog git --json; detect-secrets scan"
    )

    reports: tuple[SecretReport, ...] = Field(min_length=1, max_length=50)
    accepted: frozenset[str] = frozenset()
    # Somebody commits every day.
    oldest_s: float = Field(default=OLDEST_S, gt=0)

    @model_validator(mode="after")
    def _are_told_apart(self) -> ExposedSecrets:
        name, often = Counter(one.of for one in self.reports).most_common(1)[0]
        if often > 1:
            raise ValueError(f"two reports are of {name!r}; name them apart")
        return self

    def read(self) -> list[ReadSecrets]:
        """Every report; one that is missing, broken or old says so in `trouble`."""
        return [self._read(one) for one in self.reports]

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for one in self.read():
            if one.trouble:
                yield Finding(verdict=Verdict.BAD, says=f"{one.report.of}: {one.trouble}", remedy=one.remedy)
            else:
                yield Finding(verdict=Verdict.OK, says=f"{one.report.of}: scanned {stretch(one.age_s)} ago.")

    def _read(self, report: SecretReport) -> ReadSecrets:
        try:
            content, age_s = report_file.read(report.file)
            found = READERS[report.made_by](content)
        except CannotLook as error:
            return ReadSecrets(report=report, trouble=error.says, remedy=error.remedy)
        if trouble := report_file.too_old(age_s, self.oldest_s):
            return ReadSecrets(report=report, age_s=age_s, trouble=trouble, remedy="Look why it is not made any more.")
        left = tuple(one for one in found if one.fingerprint not in self.accepted)
        return ReadSecrets(report=report, age_s=age_s, found=left, accepted=len(found) - len(left))
