"""What every run goes through, whatever it is a run of: find the declaration, take the lock, open, live, close.

1. The incident's lock is taken; whoever holds it is the only one that acts and writes.
2. What it was opened with is recorded, and from then on read from the record: Prefect lets parameters be edited.
3. Every stage reads the journal before it does anything, so that a run can die anywhere and be taken up again.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Abort
from prefect.states import Completed, Failed

from flows.case.case import Case, Ending
from flows.case.question import Asker, local_asker
from flows.case.standing import SCHEDULE
from flows.gate.requester import How, Requester, opening, requester
from flows.gate.suspend import SuspendedRun
from flows.journal import Asked, Entry, HeldElsewhere, JournalUnavailable, LockLost, kinds
from flows.run import settings
from flows.run.clean import cleaned
from flows.run.clock import now
from flows.told.artifacts import publish_report
from flows.told.curves import thirty_days
from flows.told.report import report
from runbooks.catalog import Catalogued
from runbooks.model import Declared
from runbooks.parameter import WrongParameters, filled_in
from tasks.model import Json, Row

D = TypeVar("D", bound=Declared)
# From wherever the journal says we are to the end: how it ended, and a sentence.
Course = Callable[[Case, D], tuple[Ending, str]]

GOOD = {Ending.FIXED, Ending.RECOVERED, Ending.NOT_REPRODUCED, Ending.DONE, Ending.NOTHING_TO_DO, Ending.HEALTHY}


class AnotherKind(Exception):
    """The slug is that of something else than this flow lives through."""


def live_through(
    kind: type[D],
    slug: str,
    environment: str,
    course: Course[D],
    *,
    reason: str,
    asked_by: str,
    severity: Callable[[D], str] = lambda _declared: "",
    given: Mapping[str, object] | None = None,
) -> State[Any]:
    """Live through `slug` in `environment`, as the flow run this is called in.

    Raises:
        UnknownRunbook, AnotherKind, InvalidConfig, WrongParameters: wrongly asked for; nothing was opened.
        Abort: another process lives through this very run.
    """
    config = settings.config()
    known = settings.catalog(config)
    catalogued = known.get(slug)
    declared = _of_kind(kind, catalogued)
    place = settings.environment(config, known, environment)
    run = _flow_run()
    journal = settings.journal(place)
    redact = settings.redactor(place)
    logger = get_run_logger()
    try:
        with cleaned(redact), journal.hold(str(run.id)) as log:
            case = Case(
                incident=str(run.id),
                catalogued=catalogued,
                environment=place,
                journal=journal,
                log=log,
                redact=redact,
                asker=_asker(run),
                recoverable=run.deployment_id is not None,
                kin=tuple(entry.slug for entry in known.related(slug)),
                # Prefect keeps the log where every holder of its login can read it.
                say=lambda text: logger.info(redact.text(text)),
            )
            opened = log.get("opened") or _open(
                case, run, asked_by, reason=reason, severity=severity(declared), given=given or {}
            )
            asked = Asked(runbook=slug, environment=place.name, actor=opened.actor, reason=str(opened.body["reason"]))
            log.register(asked)
            return _state(_to_its_end(case, lambda: _edited(opened, case) or course(case, declared)))
    except HeldElsewhere as error:
        # Another process lives through this very run: leave its state alone.
        raise Abort(str(error)) from error
    except LockLost as error:
        if run.deployment_id is None:
            raise  # a terminal: nobody else takes it up, and a person reads why it ended
        # Another one may by now, and the run's state is that one's to tell.
        raise Abort(str(error)) from error


def _of_kind(kind: type[D], catalogued: Catalogued) -> D:
    if isinstance(catalogued.runbook, kind):
        return catalogued.runbook
    raise AnotherKind(f"{catalogued.slug} is a {catalogued.runbook.kind}, not a {kind.kind}. Run its own deployment.")


def _flow_run() -> Any:
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise RuntimeError("This runs as a Prefect flow only; call the flow, not its function.")
    return context.flow_run


def _asker(run: Any) -> Asker:
    return SuspendedRun(uuid.UUID(str(run.id))) if run.deployment_id else local_asker.get()


def _open(case: Case, run: Any, said: str, *, reason: str, severity: str, given: Mapping[str, object]) -> Entry:
    """Record what is begun, and who asked for it as far as that is known."""
    declared, parameters = case.catalogued, _parameters(case, given)
    asked = _requester(case, run, opening(declared.slug, case.environment.name, reason, parameters), said)
    # Prefect's open-source server has one shared login: it cannot say who pressed Run.
    whoever = "prefect" if run.deployment_id else getpass.getuser()
    opened = kinds.Opened(
        runbook=declared.slug,
        declared_as=declared.runbook.kind,
        version=declared.version,
        title=declared.runbook.title,
        problem=declared.runbook.about,
        environment=case.environment.name,
        parameters=parameters,
        # In the order in which they are declared; their answers are recorded as they come.
        checks=[asked.name for asked in case.runbook.first_asked],
        severity=severity,
        reason=reason,
        deployment=str(run.deployment_id or ""),
        scheduled=bool(run.auto_scheduled),
        requester=asked.body(),
    )
    return case.log.append(asked.name if asked.known else whoever, "opened", opened)


def _requester(case: Case, run: Any, asked: Row, said: str) -> Requester:
    # Such a schedule does nothing outside the window that is declared, whoever made the schedule.
    if run.auto_scheduled and case.runbook.by_schedule:
        return Requester(how=How.NOBODY, name=SCHEDULE)
    return requester(said, asked, case.incident, run.created or now(), case.environment, case.journal)


def _parameters(case: Case, given: Mapping[str, object]) -> dict[str, Json]:
    filled = filled_in(case.runbook.parameters, given)
    for name, value in filled.items():
        # A resumed run reads them from the record, which keeps no secrets: it would go on with another value.
        if case.redact.body({name: value}) != {name: value}:
            raise WrongParameters(f"{name} looks like a secret, and what is filled in is recorded. Nothing was begun.")
    return filled


def _edited(opened: Entry, case: Case) -> tuple[Ending, str] | None:
    """A run that was moved to another place after it began carries approvals that were given for the first."""
    was = (opened.body["runbook"], opened.body["environment"])
    if was == (case.catalogued.slug, case.environment.name):
        return None
    return Ending.ABANDONED, f"It began as {was[0]} in {was[1]}; its parameters were changed in Prefect since."


def _to_its_end(case: Case, live: Callable[[], tuple[Ending, str]]) -> Entry:
    closed = case.log.get("closed")
    if closed is None:
        ending, says = live()
        closed = case.record("closed", kinds.Closed(verdict=ending.value, says=says))
    # A run that died right after the entry comes by here again.
    publish_report(case.redact.text(report(case.log.entries, _thirty_days(case))))
    return closed


def _thirty_days(case: Case) -> dict[str, str]:
    """It is closed already: a report without its curves is one."""
    try:
        return thirty_days(case.journal, case.log.entries)
    except JournalUnavailable as error:
        case.say(f"The report has no curves: {error}")
        return {}


def _state(closed: Entry) -> State[Any]:
    """Green in Prefect only where nobody needs to look."""
    ending, says = Ending(str(closed.body["verdict"])), str(closed.body["says"])
    name = "".join(word.capitalize() for word in ending.value.split())
    return Completed(name=name, message=says) if ending in GOOD else Failed(name=name, message=says)
