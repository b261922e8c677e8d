from __future__ import annotations

import pytest

from flows.told.units import amount, scale


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0, "s", "0 s"),
        (0.000_042, "s", "42 µs"),
        (0.0421, "s", "42.1 ms"),
        (1, "s", "1 s"),
        (119, "s", "119 s"),
        (120, "s", "2 min"),
        (7200, "s", "2 h"),
        (172_800, "s", "2 days"),
        (-90, "s", "-90 s"),
        (0, "bytes", "0 bytes"),
        (1023, "bytes", "1,023 bytes"),
        (1536, "bytes", "1.5 KiB"),
        (3.2 * 2**30, "bytes", "3.2 GiB"),
        (50 * 2**20, "bytes/h", "50 MiB/h"),
        (0.05, "ratio", "5 %"),
        (0.000_1, "ratio", "0.01 %"),
        (1.0, "ratio", "100 %"),
        (12, "rows", "12 rows"),
        (1234, "", "1,234"),
        (2_500_000, "rows", "2.5 M rows"),
        (0.333_333, "1/h", "0.333 an hour"),
        (99.999, "", "100"),
        (1e-9, "", "1.0e-09"),
    ],
)
def test_it_says_a_number_in_the_unit_of_its_size(value: float, unit: str, said: str) -> None:
    assert amount(value, unit) == said


@pytest.mark.parametrize(
    ("lowest", "highest", "unit", "ticks"),
    [
        (0, 1.0, "s", ["0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]),
        (0, 0.05, "ratio", ["0 %", "1 %", "2 %", "3 %", "4 %", "5 %"]),
        (0, 3 * 2**30, "bytes", ["0 GiB", "1 GiB", "2 GiB", "3 GiB"]),
        (0, 3 * 3600, "s", ["0 h", "1 h", "2 h", "3 h"]),
        (97, 99, "", ["97", "97.5", "98", "98.5", "99"]),
        (5, 5, "", ["5"]),
    ],
)
def test_it_marks_a_scale_with_round_numbers(lowest: float, highest: float, unit: str, ticks: list[str]) -> None:
    of = scale(highest, unit)
    assert [of.says(tick) for tick in of.ticks(lowest, highest)] == ticks
