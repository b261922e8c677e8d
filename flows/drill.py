"""The rehearsal: break it, see it noticed, live through it by the real gate, see it verified, mend it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from prefect import flow, get_run_logger

from flows.case.case import Ending, Fate, step_key
from flows.case.question import Decision, Question, question_from
from flows.gate.reply import reply
from flows.gate.requester import announce, opening
from flows.journal import Entry, Journal, kinds
from flows.run import settings
from flows.run.trigger import cancel, trigger
from flows.told.follow import NotNoticed, follow
from runbooks.catalog import Catalogued
from runbooks.model import Drill
from tasks.environment import Environment
from tasks.model import CannotLook, Refused, Verdict

NOTICED_WITHIN_S = 120.0
ENDS_WITHIN_S = 900.0


@dataclass(frozen=True, kw_only=True)
class Rehearsal:
    """What a drill showed. Durations in seconds from the moment it was broken."""

    runbook: str
    environment: str
    fault: str
    noticed_by: str
    incident: str
    noticed_after_s: float
    ended_after_s: float
    ending: str
    resolved: bool

    @property
    def passed(self) -> bool:
        return self.resolved and self.ending in (Ending.FIXED, Ending.DONE)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}


Heard = Callable[[Entry], None]
Answerer = Callable[[Question], None]


def rehearse(
    catalogued: Catalogued,
    drill: Drill,
    place: Environment,
    journal: Journal,
    answerer: Answerer,
    heard: Heard,
    *,
    within_s: float = ENDS_WITHIN_S,
    opens: Callable[[], str] | None = None,
) -> Rehearsal:
    """Run one drill through the real server, worker and gate. The fault is mended whatever happens.

    `opens` opens the incident in another way than a person's button does, and says which it is.

    Interrupted, it leaves no incident behind that waits for an answer about a fault which is gone.

    Raises:
        RefusesProduction: the environment is not for breaking things.
        NotNoticed: the named check did not give an answer that calls for a step in time.
        TookTooLong: the incident did not end.
    """
    with drill.fault.during(place):
        broken = time.monotonic()
        _await_notice(drill, place, catalogued.runbook.calls)
        noticed = time.monotonic()
        incident = opens() if opens else _open(drill, catalogued, place, journal)
        try:
            ending = _live_through(journal, place, incident, answerer, heard, within_s)
        except BaseException:
            cancel(incident)
            raise
        ended = time.monotonic()
    return Rehearsal(
        runbook=catalogued.slug,
        environment=place.name,
        fault=drill.fault.title,
        noticed_by=drill.noticed_by.name,
        incident=incident,
        noticed_after_s=round(noticed - broken, 1),
        ended_after_s=round(ended - broken, 1),
        ending=ending,
        resolved=_applied(journal, incident, catalogued, drill),
    )


def _open(drill: Drill, catalogued: Catalogued, place: Environment, journal: Journal) -> str:
    reason = f"Drill: {drill.fault.title}"
    asked = announce(journal, "drill", opening(catalogued.slug, place.name, reason))
    parameters = {"environment": place.name, "reason": reason, "requester": asked}
    return str(trigger(catalogued.slug, parameters, kind=type(catalogued.runbook)))


def _await_notice(drill: Drill, place: Environment, calls: frozenset[Verdict]) -> None:
    deadline = time.monotonic() + NOTICED_WITHIN_S
    says = ""
    while time.monotonic() < deadline:
        try:
            finding = drill.noticed_by.ask(place)
        except Refused:
            raise
        except CannotLook as error:
            says = error.says
        else:
            if finding.verdict in calls:
                return
            says = finding.says
        time.sleep(1)
    raise NotNoticed(
        f"{drill.noticed_by.name} did not notice “{drill.fault.title}” within {NOTICED_WITHIN_S:g} s. It says: {says}"
    )


def _live_through(
    journal: Journal, place: Environment, incident: str, answerer: Answerer, heard: Heard, within_s: float
) -> str:
    ending = ""
    for entry in follow(journal, incident, within_s=within_s):
        heard(entry)
        if entry.is_a(kinds.Asked):
            answerer(question_from(entry, place.name))
        if entry.is_a(kinds.Closed):
            ending = str(entry.body["verdict"])
    return ending


def _applied(journal: Journal, incident: str, catalogued: Catalogued, drill: Drill) -> bool:
    key = f"{step_key(rehearsed_step(catalogued, drill))}/closed"
    return any(e.key == key and e.body["fate"] == Fate.APPLIED for e in journal.read(incident))


def rehearsed_step(catalogued: Catalogued, drill: Drill) -> str:
    """The title of the step a drill is about."""
    return next(step.title for step in catalogued.runbook.action_steps if type(step.action) is drill.resolved_by)


def drill_approver(place: Environment, rehearsed: str) -> Answerer:
    """Answers like a person would, by the same way in: approves the step being rehearsed and skips the others.

    Raises:
        Refused: the environment's roster has no drill approver.
    """
    name = next((name for name, approver in place.approvers.items() if approver.drill), None)
    if name is None:
        raise Refused(
            f"{place.name} has no drill approver, and a drill answers by itself.",
            remedy=f"Add to environments.toml:\n\n[environments.{place.name}.approvers.drill]\n"
            'roles = ["senior"]\ndrill = true',
        )

    def answer(question: Question) -> None:
        decision = Decision.APPROVE if question.title == rehearsed else Decision.SKIP
        reply(question, decision, name, "Drill.")

    return answer


@flow(name="drill", flow_run_name="{runbook} in {environment}", persist_result=False)
def drill(runbook: str, environment: str) -> list[dict[str, Any]]:
    """Rehearse every drill of a runbook in a lab or staging environment."""
    from prefect.artifacts import create_table_artifact

    config = settings.config()
    known = settings.catalog(config)
    catalogued = known.get(runbook)
    place = settings.environment(config, known, environment)
    journal = settings.journal(place)
    say = get_run_logger().info
    results = [
        rehearse(
            catalogued,
            declared,
            place,
            journal,
            drill_approver(place, rehearsed_step(catalogued, declared)),
            lambda entry: say(f"{entry.kind}: {entry.key}"),
        )
        for declared in catalogued.runbook.drills
    ]
    create_table_artifact(key="drill", table=[r.as_json() for r in results], description=f"# Drill of {runbook}")
    failed = [r.fault for r in results if not r.passed]
    if failed:
        raise RuntimeError(f"Drill not passed: {', '.join(failed)}. The table artifact says how each ended.")
    return [r.as_json() for r in results]
