"""Better Stack: its incident webhooks, which sign nothing. https://betterstack.com/docs/uptime/webhooks/"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.source import TokenSource
from flows.opening.alert import Alert, State, alert
from tasks.betterstack.system import BetterStackApi

EVENTS = {"started": State.FIRING, "reopened": State.FIRING, "resolved": State.RESOLVED}


class BetterStack(TokenSource):
    """`secret` goes into a header of the webhook, as `Authorization: Bearer …`, or behind the address."""

    type: ClassVar[str] = "betterstack"

    api: BetterStackApi | None = None

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        incident, event = body["data"], body["event"]
        # That somebody acknowledged or commented begins and ends nothing.
        if event not in EVENTS:
            return
        said = incident["attributes"]
        monitor = ((incident.get("relationships") or {}).get("monitor") or {}).get("data") or {}
        # One monitor has one problem at a time; a manual incident has no monitor.
        about = f"monitor:{monitor['id']}" if monitor.get("id") else f"incident:{incident['id']}"
        metadata = said.get("metadata") or {}
        tags = {name: ", ".join(str(one.get("value", "")) for one in values) for name, values in metadata.items()}
        yield alert(
            self.name,
            fingerprint=f"{self.name}:{about}",
            state=EVENTS[event],
            title=f"{said['name']}: {said.get('cause') or 'no cause given'}",
            name=said["name"],
            service=said["name"],
            description=said.get("response_content") or "",
            tags={**tags, "cause": said.get("cause") or ""},
            links=(said.get("origin_url") or "", said.get("url") or "", said.get("screenshot_url") or ""),
            theirs={"incident": str(incident["id"])},
        )

    def body(self, now_s: float) -> bytes:
        number = str(int(now_s * 1000))
        said = {"name": "sample", "url": "https://example.com", "cause": "Sent by incident alerts test"}
        incident = {"id": number, "type": "incident", "attributes": said, "relationships": {}}
        return json.dumps({"event": "started", "data": incident}).encode()
