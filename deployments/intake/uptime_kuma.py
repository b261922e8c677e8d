"""Uptime Kuma: its notification of the type Webhook, as application/json. https://github.com/louislam/uptime-kuma

It sends the monitor, its heartbeat and a sentence. Of a certificate that expires, and of its Test button, it sends the
sentence alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.source import SEVERITIES, TokenSource, judged
from flows.opening.alert import Alert, State, alert

# Pending and maintenance, which are 2 and 3, begin and end nothing.
STATES = {0: State.FIRING, 1: State.RESOLVED}


class UptimeKuma(TokenSource):
    """`secret` goes into its Additional Headers, as `{"Authorization": "Bearer …"}`.

    A monitor's tags are the alert's: `environment` says where, `severity` how bad it is.
    """

    type: ClassVar[str] = "uptime-kuma"

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        beat, monitor, says = body.get("heartbeat"), body.get("monitor"), body["msg"]
        if not beat or not monitor:
            yield alert(
                self.name, fingerprint=f"{self.name}:message:{says}", state=State.FIRING, title=says, description=says
            )
            return
        if beat["status"] not in STATES:
            return
        tags = {str(tag["name"]): tag.get("value") or "" for tag in monitor.get("tags") or ()}
        yield alert(
            self.name,
            fingerprint=f"{self.name}:monitor:{monitor['id']}",
            state=STATES[beat["status"]],
            title=f"{monitor['name']}: {beat.get('msg') or says}",
            name=monitor["name"],
            service=monitor["name"],
            environment=tags.get("environment", ""),
            severity=judged(str(tags.get("severity", "")), SEVERITIES),
            description=monitor.get("description") or "",
            tags=tags,
            links=(monitor.get("url") or "",),
        )

    def body(self, now_s: float) -> bytes:
        number = int(now_s * 1000)
        monitor = {"id": number, "name": "sample", "type": "http", "url": "https://example.com", "tags": []}
        beat = {"monitorID": number, "status": 0, "msg": "Sent by incident alerts test", "important": True}
        said = {"heartbeat": beat, "monitor": monitor, "msg": f"[sample] [Down] {beat['msg']}"}
        return json.dumps(said).encode()
