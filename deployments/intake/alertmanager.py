"""Alertmanager and Prometheus: one delivery is a group of alerts. https://prometheus.io/docs/alerting/latest/configuration/#webhook_config

Each alert of the group is told by its own status: the group's says `firing` while one of its alerts does, also of those
that Alertmanager left out (`truncatedAlerts`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

from deployments.intake.source import SEVERITIES, TokenSource, judged
from flows.opening.alert import Alert, State, alert
from runbooks.model import Severity
from tasks.alertmanager.system import AlertmanagerApi

# A label that says where, in the order in which it is believed.
SERVICE = ("service", "job", "instance")


class Alertmanager(TokenSource):
    """`secret` goes into `http_config.authorization.credentials` of its receiver."""

    type: ClassVar[str] = "alertmanager"
    sender: ClassVar[str] = "Alertmanager"

    api: AlertmanagerApi | None = None

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        left_out = int(body.get("truncatedAlerts") or 0)
        for one in body["alerts"]:
            yield self._alert(one, left_out)

    def _alert(self, one: dict[str, Any], left_out: int) -> Alert:
        labels, notes = one["labels"], one.get("annotations") or {}
        title = notes.get("summary") or notes.get("description") or labels["alertname"]
        more = f"\n\n{self.sender} left {left_out} alerts of this group out." if left_out else ""
        severity = judged(str(labels.get("severity", "")), SEVERITIES)
        return alert(
            self.name,
            fingerprint=f"{self.name}:{one['fingerprint']}",
            state=State.RESOLVED if one["status"] == "resolved" else State.FIRING,
            title=f"{labels['alertname']}: {title}",
            name=labels["alertname"],
            service=next((labels[name] for name in SERVICE if labels.get(name)), ""),
            environment=labels.get("environment") or labels.get("env") or "",
            severity=severity,
            description=f"{notes.get('description', '')}{more}",
            tags=labels,
            links=self.links(one),
            # What is most urgent is silenced by nobody but a person.
            theirs={} if severity is Severity.P0 else labels,
        )

    def links(self, one: dict[str, Any]) -> tuple[str, ...]:
        """The addresses that an alert names."""
        return ((one.get("annotations") or {}).get("runbook_url") or "", one.get("generatorURL") or "")

    def body(self, now_s: float) -> bytes:
        """A group of one alert that fires."""
        group = {
            "version": "4",
            "groupKey": "{}",
            "truncatedAlerts": 0,
            "status": "firing",
            "alerts": [one_firing(now_s)],
        }
        return json.dumps(group).encode()


def one_firing(now_s: float) -> dict[str, Any]:
    """One alert of a sample's group."""
    return {
        "status": "firing",
        "labels": {"alertname": "Sample", "severity": "info"},
        "annotations": {"summary": "Sent by incident alerts test"},
        "startsAt": datetime.fromtimestamp(now_s, UTC).isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": f"{int(now_s * 1000):016x}",
    }
