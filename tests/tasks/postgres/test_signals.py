"""What is said of processes that are left alone."""

from __future__ import annotations

import pytest

from tasks.postgres.signals import one


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("autovacuum worker", "an autovacuum worker"),
        ("io worker", "an io worker"),
        ("walsender", "a walsender"),
        ("logical replication apply worker", "a logical replication apply worker"),
    ],
)
def test_a_kind_of_process_is_named_as_people_would(kind: str, said: str) -> None:
    assert one(kind) == said
