"""Case: one incident while this process lives through it."""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from flows.journal import Entry, HeldLog, Journal, Redactor
from flows.record import finding_from, plan_body, plan_from
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck, Manual, Runbook, Step, title_key
from tasks.environment import Environment
from tasks.model import CannotLook, Finding, Plan, Refused, Row, Verdict

if TYPE_CHECKING:
    from flows.gate import Asker

T = TypeVar("T")

# A Postgres restart or failover takes tens of seconds; giving up sooner would call every one of them a failure.
PATIENCE_S = 60.0
ENGINE = "incident-pipelines"


class Ending(enum.StrEnum):
    """How an incident ended."""

    FIXED = "fixed"
    RECOVERED = "recovered by itself"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    NOT_REPRODUCED = "not reproduced"
    CANNOT_TELL = "cannot tell"
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"


class Fate(enum.StrEnum):
    """What became of one step."""

    APPLIED = "applied"
    MOOT = "moot"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What every stage needs: the declaration, the place, the record, and a way to ask people."""

    incident: str
    catalogued: Catalogued
    environment: Environment
    journal: Journal
    log: HeldLog
    redact: Redactor
    asker: Asker
    say: Callable[[str], None]

    @property
    def runbook(self) -> Runbook:
        return self.catalogued.runbook

    def record(self, kind: str, key: str, body: Row) -> Entry:
        """Append to the journal in the engine's own name."""
        return self.log.append(ENGINE, kind, key, body)

    def diagnosed(self) -> dict[AnyCheck, Finding]:
        """The findings recorded so far."""
        entries = {asked: self.log.get(f"diagnosis/{asked.name}") for asked in self.runbook.diagnosis}
        return {asked: finding_from(entry.body) for asked, entry in entries.items() if entry}

    def measure(self, found: Mapping[AnyCheck, Finding]) -> None:
        """Keep the numbers; the next look at the same checks is told the last ones."""
        self.journal.measure(self.environment.name, self.incident, {asked.name: f for asked, f in found.items()})

    def bad(self) -> tuple[AnyCheck, ...]:
        """The checks that found the fault."""
        return tuple(asked for asked, finding in self.diagnosed().items() if finding.verdict is Verdict.BAD)

    def fate(self, part: Step | Manual) -> Fate | None:
        closed = self.log.get(f"{step_key(part.title)}/closed")
        return Fate(str(closed.body["fate"])) if closed else None

    def redacted(self, plan: Plan) -> Plan:
        """The plan as people and the record may see it; comparisons use this form on both sides."""
        return plan_from(self.redact.body(plan_body(plan)))  # type: ignore[arg-type]  # an object stays an object

    def patiently(self, ask: Callable[[], T]) -> T:
        """Ask until the system answers, for up to PATIENCE_S.

        Raises:
            CannotLook: it still does not; Refused at once, because waiting mends no password.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return ask()
            except Refused:
                raise
            except CannotLook as error:
                if time.monotonic() > deadline:
                    raise
                self.say(f"{error.says} Trying again.")
                time.sleep(2)


def step_key(title: str) -> str:
    """Where a step's entries stand in the journal."""
    return f"step/{title_key(title)}"


def now() -> datetime:
    return datetime.now(UTC)
