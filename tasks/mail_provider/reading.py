"""The mail addresses in what a vendor sent: read with distrust, and not shown."""

from __future__ import annotations

import re

from tasks.mail.addresses import NotAnAddress, masked, read
from tasks.model import Json

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']{1,128}@[A-Za-z0-9.-]{1,255}")


def shown(said: str) -> str:
    """A server's words without the addresses in them, each as `j…@example.com`."""
    return _ADDRESS.sub(lambda found: masked(found[0]), said)


def address(value: Json) -> str | None:
    """A mail address in one spelling, or None where it is none: what cannot be sent to cannot be suppressed either."""
    if not isinstance(value, str):
        return None
    try:
        return str(read(value))
    except NotAnAddress:
        return None
