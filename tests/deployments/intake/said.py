"""What vendors send, by their documentation, with values of ours."""

from __future__ import annotations

import json
import time
from typing import Any

from pydantic import SecretStr

from deployments.intake.source import signature
from tests.deployments.intake.conftest import SECRET


def sentry_issue(number: int = 1, action: str = "created", title: str = "OperationalError: no slot") -> dict[str, Any]:
    issue = {
        "id": str(number),
        "shortId": f"WEB-{number}",
        "title": title,
        "culprit": "web.pool in connect",
        "level": "error",
        "status": "unresolved",
        "platform": "python",
        "permalink": None,
        "metadata": {"type": "OperationalError", "value": "no slot", "filename": "pool.py"},
        "project": {"id": "1", "name": "web", "slug": "web", "platform": ""},
        "count": "1",
        "userCount": 1,
    }
    actor = {"id": "sentry", "name": "Sentry", "type": "application"}
    return {"action": action, "actor": actor, "data": {"issue": issue}, "installation": {"uuid": "a8e5"}}


def sentry_event(rule: str = "PostgresDown") -> dict[str, Any]:
    event = {
        "event_id": "e48",
        "issue_id": "77",
        "title": "Error: heck",
        "level": "fatal",
        "culprit": "web",
        "web_url": "https://sentry.example/77",
        "tags": [["environment", "staging"], ["service", "reports"]],
    }
    return {"action": "triggered", "data": {"event": event, "triggered_rule": rule}}


def sentry_metric(action: str = "critical") -> dict[str, Any]:
    rule = {"id": "7", "name": "Too many errors", "query": "level:error", "environment": None}
    metric = {"id": "4", "title": "Sardine", "projects": ["web"], "alert_rule": rule}
    data = {"description_title": "Critical: Too many errors", "description_text": "1000 events", "metric_alert": metric}
    return {"action": action, "data": data}


def signed(body: bytes, *, secret: str = SECRET, at_s: float | None = None) -> dict[str, str]:
    return {
        "request-id": "0" * 32,
        "sentry-hook-resource": "issue",
        "sentry-hook-timestamp": str(int(time.time() if at_s is None else at_s)),
        "sentry-hook-signature": signature(SecretStr(secret), body),
    }


def encoded(body: dict[str, Any]) -> bytes:
    # As Sentry writes it: Python's own separators differ.
    return json.dumps(body, separators=(",", ":")).encode()


def betterstack(event: str = "started", monitor: str | None = "4") -> dict[str, Any]:
    said = {"name": "shop.example", "url": "https://shop.example", "cause": "Status 500", "response_content": None}
    about = {"monitor": {"data": {"id": monitor, "type": "monitor"}}} if monitor else {}
    incident = {"id": "11", "type": "incident", "attributes": said, "relationships": about}
    return {"event": event, "data": incident}


def prometheus(name: str = "PostgresDown", status: str = "firing", fingerprint: str = "a1b2") -> dict[str, Any]:
    """One alert of a group."""
    return {
        "status": status,
        "labels": {"alertname": name, "severity": "critical", "job": "postgres", "env": "staging"},
        "annotations": {"summary": "It is down"},
        "startsAt": "2026-11-28T10:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": fingerprint,
    }


def group(*alerts: dict[str, Any], left_out: int = 0) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": "{}",
        "truncatedAlerts": left_out,
        "status": "firing",
        "receiver": "incident",
        "alerts": list(alerts),
    }


def grafana(*alerts: dict[str, Any], left_out: int = 0) -> dict[str, Any]:
    more = {"dashboardURL": "https://grafana.example/d/1", "panelURL": "", "silenceURL": "", "values": {"B": 44.2}}
    told = [{**alert, **more} for alert in alerts]
    group = {"orgId": 1, "version": "1", "title": "[FIRING:1]  (blue)", "state": "alerting", "message": "**Firing**"}
    return {"receiver": "incident", "status": "firing", "alerts": told, "truncatedAlerts": left_out, **group}


def pagerduty(
    event: str = "incident.triggered", priority: str | None = "P1", number: str = "PGR0VU2"
) -> dict[str, Any]:
    incident = {
        "id": number,
        "type": "incident",
        "html_url": f"https://acme.pagerduty.example/incidents/{number}",
        "number": 2,
        "status": "triggered",
        "incident_key": "d3640fbd",
        "title": "PostgresDown",
        "service": {"id": "PF9KMXH", "summary": "API Service", "type": "service_reference"},
        "priority": {"id": "PSO75BM", "summary": priority, "type": "priority_reference"} if priority else None,
        "urgency": "high",
    }
    return {"event": {"id": "5ac64822", "event_type": event, "resource_type": "incident", "data": incident}}


def kuma(status: int = 0) -> dict[str, Any]:
    tags = [{"id": 1, "tag_id": 1, "monitor_id": 7, "name": "severity", "value": "critical", "color": "#000"}]
    monitor = {"id": 7, "name": "shop", "type": "http", "url": "https://shop.example", "tags": tags}
    beat = {"monitorID": 7, "status": status, "time": "2026-11-28 10:00:00.000", "msg": "timeout", "important": True}
    return {"heartbeat": beat, "monitor": monitor, "msg": "[shop] [Down] timeout"}


def healthchecks(status: str = "down") -> dict[str, Any]:
    check = {"name": "Nightly backup", "slug": "nightly-backup", "tags": "prod db", "desc": "", "status": "started"}
    address = {"ping_url": "https://hc.example/803f680d-e89b-492b-82ef-2be7b774a92d"}
    return {"code": "803f680d-e89b-492b-82ef-2be7b774a92d", "status": status, "check": {**check, **address}}


def sentry_legacy() -> dict[str, Any]:
    event = {"event_id": "bb78", "title": "Test Error: went wrong", "tags": [["level", "error"], ["environment", "qa"]]}
    return {
        "id": "7470688687",
        "project": "git-tool",
        "project_slug": "git-tool",
        "level": "error",
        "culprit": "main in main",
        "message": "",
        "url": "https://sentry.example/issues/7470688687/?referrer=webhooks_plugin",
        "triggering_rules": ["PostgresDown"],
        "event": event,
    }
