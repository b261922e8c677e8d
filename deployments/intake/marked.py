"""A test alert: a source's own sample with a mark in its body, so that it opens nothing wherever it arrives.

1. The mark stands in the body: what a source signs holds it, and a proxy that drops headers does not lose it.
2. It is proved with the source's own secret: no field that a stranger may fill in silences an alert.
3. It is good for some minutes; later it is refused, and opens nothing either.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import SecretStr

from deployments.intake.delivery import Refused, Why
from deployments.intake.source import FRESH_S, Sample, Source, same, signature

MARK = "incident_pipelines_test"


def marked(source: Source, now_s: float) -> Sample:
    """What the source would send now, marked as a test."""
    sent_ms = int(now_s * 1000)
    mark = {"sent_ms": sent_ms, "proof": _proof(source.secret[0], source.name, sent_ms)}
    return source.proved(json.dumps({**json.loads(source.body(now_s)), MARK: mark}).encode(), now_s)


def sent_s(source: Source, body: dict[str, Any], received_s: float) -> float | None:
    """When this test alert was sent, in seconds since 1970; None for what is none.

    Raises:
        Refused: it was sent too long ago, or is to come.
    """
    mark = body.get(MARK)
    sent_ms, proof = (mark.get("sent_ms"), mark.get("proof")) if isinstance(mark, dict) else (None, None)
    if type(sent_ms) is not int or not isinstance(proof, str):
        return None
    fits = [same(proof, _proof(secret, source.name, sent_ms)) for secret in source.secret]
    if not any(fits):
        return None
    if abs(received_s - sent_ms / 1000) > FRESH_S:
        raise Refused(Why.STALE, "a test alert")
    return sent_ms / 1000


def _proof(secret: SecretStr, name: str, sent_ms: int) -> str:
    return signature(secret, f"test alert\n{name}\n{sent_ms}".encode())
