"""PagerDuty: its webhooks of version 3. https://developer.pagerduty.com/docs/webhooks-overview

Its signature covers the body only, in which each event has an id of its own: what was signed once counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.source import SignedSource, judged
from flows.opening.alert import Alert, State, alert
from runbooks.model import Severity
from tasks.pagerduty.system import PagerDutyApi

EVENTS = {
    "incident.triggered": State.FIRING,
    "incident.reopened": State.FIRING,
    "incident.resolved": State.RESOLVED,
}
# Their most urgent is P1 by their own scheme, and ours P0. Where nobody set a priority, the urgency is asked.
SEVERITIES = {
    "p1": Severity.P0,
    "p2": Severity.P1,
    "p3": Severity.P2,
    "p4": Severity.P3,
    "p5": Severity.P3,
    "high": Severity.P1,
    "low": Severity.P3,
}


class PagerDuty(SignedSource):
    """`secret` is the webhook subscription's, shown once when it is created."""

    type: ClassVar[str] = "pagerduty"
    signed_in: ClassVar[str] = "x-pagerduty-signature"
    prefix: ClassVar[str] = "v1="

    api: PagerDutyApi | None = None

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        event = body["event"]
        # That somebody acknowledged, escalated or noted something begins and ends nothing.
        if event["event_type"] not in EVENTS:
            return
        incident = event["data"]
        service = incident.get("service") or {}
        priority = (incident.get("priority") or {}).get("summary") or ""
        urgency = incident.get("urgency") or ""
        # The key of whoever triggered it is the same when the problem comes again; the incident's number is not.
        about = incident.get("incident_key") or incident["id"]
        yield alert(
            self.name,
            fingerprint=f"{self.name}:{service.get('id', '')}:{about}",
            state=EVENTS[event["event_type"]],
            title=incident["title"],
            name=incident["title"],
            service=service.get("summary") or "",
            severity=judged(priority, SEVERITIES) or judged(urgency, SEVERITIES),
            tags={"priority": priority, "urgency": urgency, "number": incident.get("number") or ""},
            links=(incident.get("html_url") or "",),
            # An incident that a person made there has none, and its events API knows it by nothing else.
            theirs={"dedup_key": str(incident["incident_key"])} if incident.get("incident_key") else {},
        )

    def body(self, now_s: float) -> bytes:
        number = str(int(now_s * 1000))
        incident = {
            "id": number,
            "type": "incident",
            "title": "Sent by incident alerts test",
            "status": "triggered",
            "service": {"id": "SAMPLE", "type": "service_reference", "summary": "sample"},
            "urgency": "low",
        }
        event = {"id": number, "event_type": "incident.triggered", "resource_type": "incident", "data": incident}
        return json.dumps({"event": event}).encode()
