"""Grafana: a contact point of the type Webhook. https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/

Its groups are Alertmanager's, with a few addresses more. It gives a token, or signs: then with a time, because a group
that is repeated may be the same to the byte, and a replay could not be told from it.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from deployments.intake.alertmanager import Alertmanager, one_firing
from deployments.intake.delivery import Delivery
from deployments.intake.source import Sample, SignedSource, refuse_stale


class Grafana(Alertmanager):
    """`secret` goes into Authorization Header, Credentials, with the scheme Bearer."""

    type: ClassVar[str] = "grafana"
    sender: ClassVar[str] = "Grafana"

    def links(self, one: dict[str, Any]) -> tuple[str, ...]:
        return (*super().links(one), one.get("dashboardURL") or "", one.get("panelURL") or "")

    def body(self, now_s: float) -> bytes:
        group = {
            "receiver": "incident",
            "status": "firing",
            "orgId": 1,
            "alerts": [{**one_firing(now_s), "silenceURL": "", "dashboardURL": "", "panelURL": "", "values": {}}],
            "groupLabels": {},
            "groupKey": "{}",
            "truncatedAlerts": 0,
            "version": "1",
        }
        return json.dumps(group).encode()


class SignedGrafana(SignedSource, Grafana):
    """`secret` goes into HMAC Signature, Secret, and `timestamp_header` into its Timestamp Header."""

    type: ClassVar[str] = "grafana-signed"
    proved_by_head: ClassVar[bool] = False
    signed_in: ClassVar[str] = "x-grafana-alerting-signature"

    timestamp_header: str = "X-Grafana-Alerting-Timestamp"

    def verify(self, delivery: Delivery) -> None:
        super().verify(delivery)
        refuse_stale(delivery, self.timestamp_header)

    def signs(self, delivery: Delivery) -> bytes:
        return f"{delivery.header(self.timestamp_header)}:".encode() + delivery.body

    def proved(self, body: bytes, now_s: float) -> Sample:
        return self.signed(body, {self.timestamp_header.lower(): str(int(now_s))})
