"""Whoever signs by the Standard Webhooks specification. https://www.standardwebhooks.com

Id, time and body are signed together. What a delivery means is said by a mapping.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from deployments.intake.delivery import Delivery, Refused, Why
from deployments.intake.mapping import Mapped
from deployments.intake.source import JSON, Sample, Secrets, Source, refuse_stale

SIGNED = ("id", "timestamp", "signature")
# As the specification has it, and as Svix, whose scheme it was, still sends it for many.
SPELLINGS = ("webhook", "svix")


def _keys(secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    for secret in secrets:
        text = secret.get_secret_value().removeprefix("whsec_").rstrip("=")
        try:
            # The library passes over what is no base64, and would sign with another key than the sender.
            base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            raise ValueError("a secret is base64, with or without `whsec_` before it") from None
    return secrets


class StandardWebhooks(Mapped, Source):
    """`secret` is the endpoint's signing secret, as its sender shows it: `whsec_…`."""

    type: ClassVar[str] = "standard-webhooks"

    secret: Annotated[Secrets, AfterValidator(_keys)]

    def verify(self, delivery: Delivery) -> None:
        spelled = _spelled(delivery)
        refuse_stale(delivery, f"{spelled}-timestamp")
        given = {f"webhook-{name}": delivery.header(f"{spelled}-{name}") for name in SIGNED}
        fits = [_fits(secret, delivery.body, given) for secret in self.secret]
        if not any(fits):
            raise Refused(Why.UNPROVED)

    def delivery_id(self, delivery: Delivery) -> str:
        return delivery.header(f"{_spelled(delivery)}-id")

    def proved(self, body: bytes, now_s: float) -> Sample:
        number = f"msg_{int(now_s * 1000)}"
        at = datetime.fromtimestamp(int(now_s), UTC)
        proof = Webhook(self.secret[0].get_secret_value()).sign(number, at, body.decode())
        given = {"webhook-id": number, "webhook-timestamp": str(int(now_s)), "webhook-signature": proof}
        return Sample(body=body, headers={**JSON, **given})


def _spelled(delivery: Delivery) -> str:
    """In which spelling it is signed.

    Raises:
        Refused: in both, and they disagree: which one counts would be our guess.
    """
    said = {spelling: [delivery.header(f"{spelling}-{name}") for name in SIGNED] for spelling in SPELLINGS}
    used = [spelling for spelling, values in said.items() if any(values)]
    if len(used) > 1 and said["webhook"] != said["svix"]:
        raise Refused(Why.UNPROVED, "two spellings disagree")
    return used[0] if used else SPELLINGS[0]


def _fits(secret: SecretStr, body: bytes, given: dict[str, str]) -> bool:
    try:
        # Its own reader of JSON takes what ours refuses.
        Webhook(secret.get_secret_value()).verify(body, given, json_parse=False)
    except (WebhookVerificationError, ValueError):
        # A ValueError for what is no signature at all, and for a body that is no text.
        return False
    return True
