"""GitHub, and whoever else signs as it does. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

What a delivery means is said by a mapping: GitHub sends seventy kinds of event, and others send what they like. Only
the body is signed: a body that was here before, to the byte, is taken for a replay.
"""

from __future__ import annotations

from typing import ClassVar

from deployments.intake.mapping import Mapped
from deployments.intake.source import SignedSource


class GitHub(Mapped, SignedSource):
    """`secret` goes into the webhook's Secret; its content type is `application/json`."""

    type: ClassVar[str] = "github"
    signed_in: ClassVar[str] = "x-hub-signature-256"
    prefix: ClassVar[str] = "sha256="
