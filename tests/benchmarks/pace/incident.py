"""One whole incident in the lab, and how long its person waited."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from deployments.commands.context import Here

SLUG = "database/blocked-sessions"
ENDS_WITHIN_S = 60.0


def one_drill(here: Here) -> str:
    """A whole drill on the real server, worker and gate; the incident's id."""
    from flows.drill import drill_approver, rehearse, rehearsed_step

    catalogued = here.catalog.get(SLUG)
    place = here.config.environment("lab")
    drill = catalogued.runbook.drills[0]
    approver = drill_approver(place, rehearsed_step(catalogued, drill))
    result = rehearse(
        catalogued, drill, place, here.journal(place), approver, lambda _entry: None, within_s=ENDS_WITHIN_S
    )
    if not result.passed:
        raise RuntimeError(f"The drill ended {result.ending}; its figures mean nothing.")
    return result.incident


def one_incident(here: Here) -> tuple[float, float]:
    """A whole drill: seconds from trigger to the first finding, and from the answer to the intent."""
    from prefect.client.orchestration import get_client

    incident = one_drill(here)
    with get_client(sync_client=True) as client:
        triggered = client.read_flow_run(UUID(incident)).created
    entries = here.journal().read(incident)
    found = next(entry for entry in entries if entry.kind == "finding")
    answered = next(entry for entry in entries if entry.kind == "answered")
    intent = next(entry for entry in entries if entry.kind == "intent")
    decided_at = str(answered.body["decided_at"])
    assert triggered is not None
    return since(triggered.isoformat(), found.at), since(decided_at, intent.at)


def since(earlier: str, later: str) -> float:
    """Seconds between two times in ISO 8601."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
