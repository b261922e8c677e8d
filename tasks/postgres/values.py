"""What a database returns, as JSON that can be kept: base units, UTC, no NaN, no number beyond 2**53."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tasks.model import Json

EXACT = 2**53


def as_json(value: object) -> Json:
    """`value` as JSON; what has no place there becomes its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() and abs(value) < EXACT else str(value)
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value.hex() if isinstance(value, bytes) else str(value)


def number(value: Json) -> float:
    """What was kept as JSON, to reckon with; 0 where there is no number."""
    return float(value) if isinstance(value, int | float) else 0.0


def _instant(value: datetime) -> str:
    """In UTC where the zone is known; always with microseconds, so that it can be compared as text."""
    return (value.astimezone(UTC) if value.tzinfo else value).isoformat(timespec="microseconds")
