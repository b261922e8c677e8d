"""A check on a schedule; a BAD answer opens its runbook, once."""

from __future__ import annotations

import contextlib

from prefect import flow, get_run_logger

from flows.gate.requester import announce, opening
from flows.journal import AlreadyRecorded, Journal
from flows.life.diagnose import answer
from flows.run import settings
from flows.run.clean import cleaned
from flows.run.trigger import trigger
from runbooks.catalog import Catalogued
from runbooks.model import AnyCheck, Runbook
from tasks.model import Verdict


class NotWatched(Exception):
    """The runbook declares no watch on this check."""


@flow(name="watch", flow_run_name="{check} in {environment}", persist_result=False)
def watch(runbook: str, check: str, environment: str) -> str:
    """Ask one question; open its runbook if the answer is BAD and no incident of it is open there."""
    config = settings.config()
    known = settings.catalog(config)
    asked = _watched(known.get(runbook), check)
    place = settings.environment(config, known, environment)
    journal = settings.journal(place)
    redact = settings.redactor(place)
    before = journal.earlier(place.name, [check]).get(check)
    future = asked.task(place, before, cleaned=lambda: cleaned(redact)).submit()
    finding = answer(asked, future.result(raise_on_failure=False))
    journal.measure(place.name, None, {check: finding})
    said = redact.text(f"{finding.verdict.name}: {finding.says}")
    get_run_logger().info(said)
    if finding.verdict is Verdict.BAD:
        open_once(journal, runbook, environment, said)
    return said


def _watched(catalogued: Catalogued, check: str) -> AnyCheck:
    prevention = catalogued.runbook.prevention if isinstance(catalogued.runbook, Runbook) else ()
    watched = {declared.check.name: declared.check for declared in prevention}
    if check not in watched:
        raise NotWatched(f"{catalogued.slug} does not watch {check!r}. It watches: {', '.join(watched)}.")
    return watched[check]


def open_once(journal: Journal, runbook: str, environment: str, reason: str) -> str:
    """The incident for this problem: the open one, or a new one. Two watches at once get the same."""
    known = journal.incidents(environment=environment, runbook=runbook, limit=10_000)
    for summary in known:
        if summary.open:
            _note(journal, summary.incident, reason)
            return summary.incident
    key = f"watch:{runbook}:{environment}:{len(known)}"
    asked = announce(journal, "watch", opening(runbook, environment, reason))
    parameters = {"environment": environment, "reason": reason, "requester": asked}
    return str(trigger(runbook, parameters, idempotency_key=key))


def _note(journal: Journal, incident: str, reason: str) -> None:
    key = f"seen-again/{len(journal.read(incident))}"
    with contextlib.suppress(AlreadyRecorded):  # another watch saw the same at this moment
        journal.note(incident, "watch", "seen again", key, {"says": reason})
