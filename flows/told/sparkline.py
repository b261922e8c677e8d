"""A series in one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flows.journal.series import Bucket

_BARS = "▁▂▃▄▅▆▇█"
# Nothing was measured there.
_GAP = " "


def sparkline(buckets: Sequence[Bucket], since: datetime, until: datetime, width: int) -> str:
    """The averages of at most `width` buckets, from the lowest to the highest of them; a gap stays one.

    What never changes is a line at half height: neither low nor high.
    """
    if not buckets:
        return ""
    values = {int(width * ((one.at - since) / (until - since)) + 1e-9): one.average for one in buckets}
    lowest, highest = min(values.values()), max(values.values())
    spread = highest - lowest
    return "".join(
        _GAP if n not in values else _BARS[3 if not spread else min(int(8 * (values[n] - lowest) / spread), 7)]
        for n in range(width)
    ).rstrip()
