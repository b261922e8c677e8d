"""Healthchecks: its webhook integration, whose body people write themselves. https://healthchecks.io/docs/configuring_notifications/

Ours is `{"code": "$CODE", "status": "$STATUS", "check": $JSON}`, when a check goes down and when it goes up. What
`$JSON` says of its status is of the moment in which it is sent; `$STATUS` is what counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from deployments.intake.source import TokenSource
from flows.opening.alert import Alert, State, alert

STATES = {"down": State.FIRING, "up": State.RESOLVED}


class Healthchecks(TokenSource):
    """`secret` goes into the Request Headers, as `Authorization: Bearer …` beside `Content-Type: application/json`."""

    type: ClassVar[str] = "healthchecks"

    def alerts(self, body: dict[str, Any]) -> Iterator[Alert]:
        check, status = body["check"], body["status"]
        # Its ping address is a secret, and is kept out of what is shown.
        yield alert(
            self.name,
            fingerprint=f"{self.name}:check:{body['code']}",
            state=STATES[status],
            title=f"{check['name'] or check['slug']} is {status}",
            name=check["name"],
            service=check.get("slug") or "",
            description=check.get("desc") or "",
            tags=dict.fromkeys((check.get("tags") or "").split(), "yes"),
        )

    def body(self, now_s: float) -> bytes:
        check = {
            "name": "sample",
            "slug": "sample",
            "tags": "",
            "desc": "Sent by incident alerts test",
            "status": "down",
        }
        said = {"code": f"{int(now_s * 1000)}", "status": "down", "check": check}
        return json.dumps(said).encode()
