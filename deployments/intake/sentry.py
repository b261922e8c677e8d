"""Sentry: an internal integration's webhooks. https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

Its signature covers the body only, so the timestamp beside it proves nothing: what was signed once counts once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.delivery import Delivery
from deployments.intake.source import Sample, SignedSource, judged, refuse_stale
from flows.opening.alert import Alert, State, alert
from runbooks.model import Severity
from tasks.sentry.system import SentryApi

SEVERITIES = {
    "fatal": Severity.P1,
    "critical": Severity.P1,
    "error": Severity.P2,
    "warning": Severity.P3,
    "info": Severity.P3,
}
# The wire says `ignored` what the pages call `archived`; both end the matter for now.
OVER = ("resolved", "archived", "ignored")
BEGINS = ("created", "unresolved")


class Sentry(SignedSource):
    """`secret` is the integration's client secret."""

    type: ClassVar[str] = "sentry"
    signed_in: ClassVar[str] = "sentry-hook-signature"

    api: SentryApi | None = None

    def verify(self, delivery: Delivery) -> None:
        super().verify(delivery)
        refuse_stale(delivery, "sentry-hook-timestamp")

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        data = body["data"]
        if "metric_alert" in data:
            yield self._metric(body["action"], data)
        elif "event" in data or "error" in data:
            yield self._event(data.get("event") or data["error"], data.get("triggered_rule", ""))
        elif "issue" in data and body["action"] in (*OVER, *BEGINS):
            yield self._issue(body["action"], data["issue"])

    def _issue(self, action: str, issue: dict[str, Any]) -> Alert:
        return alert(
            self.name,
            fingerprint=f"{self.name}:issue:{issue['id']}",
            state=State.RESOLVED if action in OVER else State.FIRING,
            title=issue["title"],
            name=(issue.get("metadata") or {}).get("type", ""),
            service=issue["project"]["slug"],
            severity=judged(str(issue.get("level") or ""), SEVERITIES),
            description=issue.get("culprit") or "",
            tags={"level": issue.get("level") or "", "platform": issue.get("platform") or ""},
            links=(issue.get("web_url") or issue.get("permalink") or "",),
            theirs={"issue": str(issue["id"])},
        )

    def _event(self, event: dict[str, Any], rule: str) -> Alert:
        tags = {str(pair[0]): str(pair[1]) for pair in event.get("tags") or () if len(pair) == 2}
        return alert(
            self.name,
            fingerprint=f"{self.name}:issue:{event['issue_id']}",
            state=State.FIRING,
            title=event["title"],
            name=rule,
            service=tags.get("service", ""),
            environment=event.get("environment") or tags.get("environment", ""),
            severity=judged(str(event.get("level") or ""), SEVERITIES),
            description=event.get("culprit") or "",
            tags=tags,
            links=(event.get("web_url") or "",),
            theirs={"issue": str(event["issue_id"])},
        )

    def _metric(self, action: str, data: dict[str, Any]) -> Alert:
        metric = data["metric_alert"]
        rule = metric["alert_rule"]
        return alert(
            self.name,
            fingerprint=f"{self.name}:metric_alert:{metric['id']}",
            state=State.RESOLVED if action == "resolved" else State.FIRING,
            title=data.get("description_title") or metric["title"],
            name=rule["name"],
            service=next(iter(metric.get("projects") or ()), ""),
            environment=rule.get("environment") or "",
            severity=judged(action, SEVERITIES),
            description=data.get("description_text") or "",
            tags={"query": rule.get("query") or ""},
            links=(data.get("web_url") or "",),
        )

    def body(self, now_s: float) -> bytes:
        number = str(int(now_s * 1000))
        issue = {
            "id": number,
            "title": "OperationalError: a sample sent by `incident alerts test`",
            "level": "error",
            "culprit": "incident alerts test",
            "platform": "python",
            "metadata": {"type": "OperationalError"},
            "project": {"id": "1", "name": "sample", "slug": "sample"},
        }
        return json.dumps({"action": "created", "data": {"issue": issue}, "installation": {"uuid": ""}}).encode()

    def proved(self, body: bytes, now_s: float) -> Sample:
        headers = {
            "request-id": str(int(now_s * 1000)),
            "sentry-hook-resource": "issue",
            "sentry-hook-timestamp": str(int(now_s)),
        }
        return self.signed(body, headers)
