"""Bytes and long stretches of time, as a person says them."""

from __future__ import annotations

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_DAY_S = 86400
_HOUR_S = 3600


def size(amount: float) -> str:
    """'512 bytes', '3.2 GiB'."""
    value, unit = float(amount), 0
    while abs(value) >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:,.0f} {_UNITS[unit]}" if unit == 0 or abs(value) >= 100 else f"{value:,.1f} {_UNITS[unit]}"


def stretch(seconds: float) -> str:
    """'40 minutes', '5 hours', '12 days': of what is estimated, no more digits than are known."""
    if seconds >= 2 * _DAY_S:
        return f"{seconds / _DAY_S:,.0f} days"
    if seconds >= 2 * _HOUR_S:
        return f"{seconds / _HOUR_S:.0f} hours"
    return f"{max(seconds, 0) / 60:.0f} minutes"
