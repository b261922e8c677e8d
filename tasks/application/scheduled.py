"""A workflow that the application's own scheduler runs: is it on, when is it due, and how it is had to run now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.application.exact import Change
from tasks.application.queries import SCHEDULED
from tasks.application.system import ApplicationDatabase
from tasks.model import Finding, Refused, Row, Threshold, Verdict
from tasks.postgres.values import number
from tasks.postgres.words import limit, span

DAY_S = 86_400


@dataclass(frozen=True, kw_only=True)
class Scheduled:
    """The row of a workflow. `role` is what people call it: the sender."""

    role: str
    name: str
    row: Row
    # How long it may go without a success, in seconds.
    expected_s: float

    @property
    def on(self) -> bool:
        return bool(self.row["on"])

    @property
    def overdue_s(self) -> float:
        """Since when its run has been due; of a run that is to come, minus the time until then."""
        return number(self.row.get("overdue_s"))

    @property
    def never(self) -> bool:
        """Will it not run within the time it may go without a success?"""
        kept = "next_run_at" in self.row
        return kept and (self.row.get("overdue_s") is None or -self.overdue_s > self.expected_s)

    def judged(self, late: Threshold) -> Finding:
        """Switched on, and run when it is due, as far as its row tells."""
        facts: Row = {self.role: self.name, "on": self.on, "next_run_at": self.row.get("next_run_at")}
        said = f"The {self.role} {self.name!r}"
        if not self.on:
            return Finding(verdict=Verdict.BAD, says=f"{said} is switched off.", facts=facts)
        if self.never:
            when = f"in {span(-self.overdue_s)}" if self.overdue_s else "never"
            return Finding(
                verdict=Verdict.BAD,
                says=f"{said} is switched on, and runs next {when}; it may go {span(self.expected_s)} "
                "without a success.",
                facts=facts,
            )
        waits = max(self.overdue_s, 0.0)
        due = f"its run has been due for {span(waits)}" if late.judge(waits) else "runs when it is due"
        return Finding(
            verdict=late.judge(waits),
            says=f"{said} is switched on, and {due} (bad from {limit(late.bad)}).",
            value=waits,
            unit="s",
            facts=facts,
        )

    def had_run(self, application: ApplicationDatabase) -> Sequence[Change]:
        """What is to be written so that the scheduler runs it now; nothing where it does already.

        Raises:
            Refused: nobody has said which value means that it is on.
        """
        was: dict[str, str | None] = {}
        to: dict[str, str | None] = {}
        if not self.on:
            was["active"], to["active"] = str(self.row["active"]), application.values("workflows.states.on")[0]
        if self.never:
            kept = self.row["next_run_at"]
            # The hour: the plan of a minute later is the same.
            was["next_run_at"], to["next_run_at"] = None if kept is None else str(kept), str(self.row["due"])
        return [Change(part="workflows", key=str(self.row["id"]), was=was, to=to)] if to else []


def scheduled(application: ApplicationDatabase, role: str, name: str) -> Scheduled:
    """The workflow of that name.

    Raises:
        Refused: workflows are not mapped, or it has no row; CannotLook: no answer.
    """
    rows = application.rows(SCHEDULED, workflow=name)
    if len(rows) != 1:
        raise Refused(
            f"{application.address} has {len(rows)} rows for the workflow {name!r}.",
            remedy=f"Look under workflows whether a name is written as in the rows: {role}.",
        )
    expected = application.executions.expected if application.executions else {}
    return Scheduled(role=role, name=name, row=rows[0], expected_s=expected.get(name, DAY_S))
