"""A check on a schedule; a BAD answer opens its runbook, once."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows import settings
from flows.diagnose import answer
from flows.journal import Journal
from flows.trigger import trigger
from tasks.model import Verdict


@flow(name="watch", flow_run_name="{check} in {environment}", persist_result=False)
def watch(runbook: str, check: str, environment: str) -> str:
    """Ask one question; open its runbook if the answer is BAD and no incident of it is open there."""
    config = settings.config()
    declared = settings.catalog(config).get(runbook).runbook
    place = config.environment(environment)
    journal = settings.journal(place)
    asked = next(w.check for w in declared.prevention if w.check.name == check)
    future = asked.task(place, journal.earlier(place.name, check)).submit()
    finding = answer(asked, future.result(raise_on_failure=False))
    journal.measure(place.name, None, {check: finding})
    said = settings.redactor(place).text(f"{finding.verdict.name}: {finding.says}")
    get_run_logger().info(said)
    if finding.verdict is Verdict.BAD:
        open_once(journal, runbook, environment, said)
    return said


def open_once(journal: Journal, runbook: str, environment: str, reason: str) -> str:
    """The incident for this problem: the open one, or a new one. Two watches at once get the same."""
    known = journal.incidents(environment=environment, runbook=runbook, limit=10_000)
    for summary in known:
        if summary.open:
            key = f"seen-again/{len(journal.read(summary.incident))}"
            journal.note(summary.incident, "watch", "seen again", key, {"says": reason})
            return summary.incident
    key = f"watch:{runbook}:{environment}:{len(known)}"
    return str(trigger(runbook, {"environment": environment, "reason": reason}, idempotency_key=key))
