"""What a database returns can be kept as JSON."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from tasks.model import Json, canonical
from tasks.postgres.values import as_json


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (None, None),
        (True, True),
        (7, 7),
        (2**53, "9007199254740992"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.25"), 1.25),
        (Decimal("NaN"), "NaN"),
        (Decimal(2**60), str(2**60)),
        (datetime(2026, 11, 21, 2, 0, tzinfo=UTC), "2026-11-21T02:00:00.000000+00:00"),
        (datetime(2026, 11, 21, 2, 0, 0, 1, timezone(timedelta(hours=1))), "2026-11-21T01:00:00.000001+00:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (b"\xff", "ff"),
        ([1, Decimal(2)], [1, 2.0]),
        ({"a": timedelta(seconds=1)}, {"a": 1.0}),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_it_keeps_every_value(value: object, kept: Json) -> None:
    assert as_json(value) == kept
    canonical(as_json(value))
