"""Which columns a condition looks for: what an index on one of them would serve, and nothing else."""

from __future__ import annotations

import pytest

from tasks.postgres.indexes.explain import looked_for


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("(s.lead_id = $1)", ["lead_id"]),
        ("(s.lead_id = l.id)", ["lead_id"]),
        ("(lead_id = 7)", ["lead_id"]),
        ("((s.lead_id = $1) AND (s.status = 'new'::text))", ["lead_id", "status"]),
        ("((leads.name)::text = $1)", ["name"]),
        ("(s.lead_id = ANY ($1))", ["lead_id"]),
        ("""("S"."We ""ird.x (AND) y" = $1)""", ['We "ird.x (AND) y']),
        ("((a.x = ' AND (b.y = 1)'::text) AND (a.z = $1))", ["x", "z"]),
        ("((s.a = $1) AND ((s.b = $2) OR (s.c = $3)))", ["a"]),
        # Nothing of these would be served by a plain index.
        ("((s.a = $1) OR (s.b = $2))", []),
        ("(lower(s.email) = $1)", []),
        ("(s.lead_id > $1)", []),
        ("(s.lead_id <> $1)", []),
        ("(NOT (s.lead_id = $1))", []),
        ("(s.lead_id = ALL ($1))", []),
        ("((s.a + s.b) = $1)", []),
        ("s.done", []),
        ("", []),
    ],
)
def test_it_finds_the_columns_an_index_would_serve(condition: str, columns: list[str]) -> None:
    assert looked_for(condition) == columns
