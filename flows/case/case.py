"""Case: one incident while this process lives through it."""

from __future__ import annotations

import enum
import functools
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flows.case.bodies import finding_from, outcome_body, outcome_from, plan_body, plan_from
from flows.case.question import Asker
from flows.case.sealed import seal, unseal
from flows.case.standing import Standing
from flows.journal import Entry, HeldLog, Journal, Redactor, kinds
from flows.journal.body import Told
from flows.run import settings
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck, Declared, title_key
from tasks.environment import Environment
from tasks.model import CannotLook, Finding, Outcome, Plan, Refused, Row

T = TypeVar("T")

# A Postgres restart or failover takes tens of seconds; giving up sooner would call every one of them a failure.
PATIENCE_S = 60.0
ENGINE = "incident-pipelines"
# The step of an incident that no other step mends (flows/step/by_hand.py).
BY_HAND = "Mend it by hand"


class Ending(enum.StrEnum):
    """How an incident ended."""

    FIXED = "fixed"
    RECOVERED = "recovered by itself"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    NOT_REPRODUCED = "not reproduced"
    CANNOT_TELL = "cannot tell"
    # Of a playbook or a maintenance:
    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    NOT_READY = "not ready"
    STOPPED = "stopped"
    UNSUCCESSFUL = "unsuccessful"
    TAKEN_BACK = "taken back"
    CUT_SHORT = "cut short"
    MISSED = "missed its window"
    UNDER_WAY = "already under way"
    # Of a checklist:
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNSIGNED = "unsigned"
    # Of any:
    HALFWAY = "left halfway"
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
    # The window ended before it was done.
    CUT_SHORT = "cut short"


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
    # Does the recoverer have another process take it up when this one is gone? Not what a terminal runs.
    recoverable: bool = False
    # The runbooks that belong to this one, by slug.
    kin: tuple[str, ...] = ()
    # Of a maintenance within its window.
    standing: Standing | None = None

    @property
    def runbook(self) -> Declared:
        return self.catalogued.runbook

    def record(self, key: str, told: Told) -> Entry:
        """Append to the journal in the engine's own name."""
        return self.log.append(ENGINE, key, told)

    def diagnosed(self) -> dict[AnyCheck, Finding]:
        """The findings recorded so far."""
        # Read at once: the log would ask the database anew for each key it does not know.
        entries = {entry.key: entry for entry in self.log.entries}
        keys = {asked: f"diagnosis/{asked.name}" for asked in self.runbook.first_asked}
        return {asked: finding_from(entries[key].body) for asked, key in keys.items() if key in entries}

    def measure(self, found: Mapping[AnyCheck, Finding]) -> None:
        """Keep the numbers; the next look at the same checks is told the last ones.

        What was asked about one tenant is no earlier answer about another.
        """
        kept = {asked.name: f for asked, f in found.items() if not self.filled(asked.fn)}
        self.journal.measure(self.environment.name, self.incident, kept)

    def called(self) -> tuple[AnyCheck, ...]:
        """The checks whose answers call for a step: those that found the fault.

        And those of the steps taken at once, whatever they answer since: whoever opened this had seen the fault.
        """
        seen = {step.when for step in self.runbook.at_once}
        calls = self.runbook.calls
        return tuple(asked for asked, found in self.diagnosed().items() if found.verdict in calls or asked in seen)

    def fates(self) -> frozenset[Fate]:
        """What became of the steps so far."""
        return frozenset(self._by_title().values())

    def says(self, ending: Ending) -> str:
        """The closing sentence: how it ended, and what became of each step."""
        told = [f"{title}: {fate}" for title, fate in self._by_title().items()]
        return f"{ending.value.capitalize()}. " + "; ".join(told or ["no step was called for"]) + "."

    @property
    def severity(self) -> str:
        """As it was judged last; empty for planned work."""
        judged = [str(e.body["severity"]) for e in self.log.entries if e.is_a(kinds.Opened, kinds.Severity)]
        return judged[-1] if judged else ""

    def told_over(self, since: Entry | None) -> bool:
        """Did a source say after `since` that its alert is over?"""
        after = since.seq if since else 0
        return any(entry.kind == kinds.AlertResolved.kind and entry.seq > after for entry in self.log.entries)

    @functools.cached_property
    def given(self) -> Row:
        """What a person filled in, as it was recorded when this was opened."""
        parameters: Any = self.log.entries[0].body.get("parameters", {})
        return {str(name): value for name, value in parameters.items()}

    def filled(self, fn: Callable[..., object]) -> Row:
        """As much of it as `fn` takes, by name."""
        taken = inspect.signature(fn).parameters
        return {name: value for name, value in self.given.items() if name in taken}

    def _by_title(self) -> dict[str, Fate]:
        titles = [*(part.title for part in self.runbook.parts), BY_HAND]
        return {title: fate for title in titles if (fate := self.fate(title))}

    def fate(self, title: str) -> Fate | None:
        """What became of the step of this title; None while nothing has."""
        closed = self.log.get(f"{step_key(title)}/closed")
        return Fate(str(closed.body["fate"])) if closed else None

    def redacted(self, plan: Plan) -> Plan:
        """The plan as people and the record may see it; comparisons use this form on both sides."""
        return plan_from(self.redact.body(plan_body(plan)))  # type: ignore[arg-type]  # an object stays an object

    def refuse_masked_targets(self, plan: Plan) -> None:
        """What a step touches must be known again from the record, whoever goes on with it or takes it back.

        Raises:
            Refused: a target of the plan looks like a secret, and those are never written down.
        """
        for command, kept in zip(plan.commands, self._without_secrets(plan).commands, strict=True):
            if command.target != kept.target:
                raise Refused(
                    "What it would touch looks like a secret, which is never written down: after a crash nobody could "
                    "tell what was done, or take it back.",
                    remedy="Name the targets of the plan by an id, or by their place, not by such a value.",
                )

    def intended(self, title: str, plan: Plan) -> kinds.Intent:
        """The intent to do this: as people may see it and, where that hides an address, sealed as well."""
        body = plan_body(plan)
        return kinds.Intent(title=title, plan=body, sealed=self._sealed(body))

    def became(self, outcome: Outcome, cut_short: bool | None = None) -> kinds.Outcome:
        """The outcome as an undo needs it again, kept in the same way."""
        return kinds.Outcome(
            says=outcome.says,
            complete=outcome.complete,
            rows=list(outcome.rows),
            not_done=list(outcome.not_done),
            sealed=self._sealed(outcome_body(outcome)),
            cut_short=cut_short,
        )

    def intent_of(self, entry: Entry) -> Plan | None:
        """The plan of an intent, with the addresses in it; None if they were sealed by a process with another key."""
        body = self._opened(entry, entry.body["plan"])
        return None if body is None else plan_from(body)

    def outcome_of(self, title: str) -> Outcome | None:
        """What became of a step that was begun; None as above. If nobody could record it, nothing is known of it."""
        entry = self.log.get(f"{step_key(title)}/outcome")
        if entry is None:
            return Outcome(says="Nobody could tell how much of it was done.", complete=False)
        body = self._opened(entry, entry.body)
        return None if body is None else outcome_from(body)

    def _sealed(self, body: Row) -> str | None:
        """What redaction hides of `body` besides secrets, for our own processes alone; None if it hides no more."""
        kept: Any = self.redact.secrets_only().body(body)
        return None if self.redact.body(body) == kept else seal(kept, settings.sealing_key(), self.incident)

    def _opened(self, entry: Entry, body: Any) -> Row | None:
        sealed = entry.body.get("sealed")
        return unseal(str(sealed), settings.sealing_key(), self.incident) if sealed else body

    def _without_secrets(self, plan: Plan) -> Plan:
        return plan_from(self.redact.secrets_only().body(plan_body(plan)))  # type: ignore[arg-type]

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
