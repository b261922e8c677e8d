from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flows.journal.series import Bucket
from flows.told.sparkline import sparkline

SINCE, HOUR = datetime(2026, 11, 25, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, ""),
        ({n: float(n) for n in range(8)}, "▁▂▃▄▅▆▇█"),
        ({0: 1.0, 1: 9.0, 4: 1.0, 7: 5.0}, "▁█  ▁  ▅"),
        (dict.fromkeys(range(8), 3.0), "▄▄▄▄▄▄▄▄"),
        ({2: 3.0}, "  ▄"),
        ({0: -5.0, 7: 5.0}, "▁      █"),
    ],
)
def test_it_draws_a_line(values: dict[int, float], line: str) -> None:
    buckets = [Bucket(at=SINCE + n * HOUR, lowest=v, average=v, highest=v, number=1) for n, v in values.items()]
    assert sparkline(buckets, SINCE, SINCE + 8 * HOUR, 8) == line
