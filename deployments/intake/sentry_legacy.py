"""Sentry's older WebHooks plugin, which signs nothing. https://docs.sentry.io/organization/integrations/integration-platform/webhooks/

Self-hosted Sentry still has it. It can give its secret nowhere but in the address, and never says that a thing is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.sentry import SEVERITIES
from deployments.intake.source import JSON, Sample, TokenSource, judged
from flows.opening.alert import Alert, State, alert


class SentryLegacy(TokenSource):
    """`secret` stands behind the address, in the plugin's Callback URLs."""

    type: ClassVar[str] = "sentry-legacy"

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        event = body["event"]
        tags = {str(pair[0]): str(pair[1]) for pair in event.get("tags") or () if pair and len(pair) == 2}
        yield alert(
            self.name,
            fingerprint=f"{self.name}:issue:{body['id']}",
            state=State.FIRING,
            title=event.get("title") or body.get("message") or body["culprit"],
            name=next(iter(body.get("triggering_rules") or ()), ""),
            service=body.get("project_slug") or body["project"],
            environment=tags.get("environment", ""),
            severity=judged(str(body.get("level") or ""), SEVERITIES),
            description=body.get("culprit") or "",
            tags=tags,
            links=(body.get("url") or "",),
        )

    def body(self, now_s: float) -> bytes:
        number = str(int(now_s * 1000))
        said = {
            "id": number,
            "project": "sample",
            "level": "error",
            "culprit": "incident alerts test",
            "message": "",
            "url": "",
            "triggering_rules": [],
            "event": {"event_id": number, "title": "OperationalError: a sample sent by `incident alerts test`"},
        }
        return json.dumps(said).encode()

    def proved(self, body: bytes, now_s: float) -> Sample:  # noqa: ARG002 - an address has no date
        return Sample(body=body, headers=JSON, key=self.secret[0].get_secret_value())
