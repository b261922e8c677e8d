"""Two real stores for every test: in CI Postgres 18 on the left, 15 on the right, as copies in the wild differ too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tasks.mirror import compare
from tasks.mirror.compare import Drift, drift_of
from tasks.mirror.shape import pair_of
from tasks.mirror.system import Mirror
from tests.conftest import Server
from tests.left_out import STRICT

PEOPLE = "CREATE TABLE people (id bigint PRIMARY KEY, name text, email text, stage text)"


@dataclass
class Two:
    """Two databases, called app and crm."""

    left: str
    right: str

    def both(self, *statements: str) -> None:
        for url in (self.left, self.right):
            run(url, *statements)

    def mirror(self, *tables: dict[str, Any], **urls: dict[str, str]) -> Mirror:
        """The mirror of `people`, or of other tables; `left={...}` adds to what is said of a store."""
        return Mirror.model_validate(
            {
                "left": {"name": "app", "url": self.left, "drill_url": self.left, **urls.get("left", {})},
                "right": {"name": "crm", "url": self.right, "drill_url": self.right, **urls.get("right", {})},
                "tables": [
                    {"name": "people", "key": ["id"], "source_of_truth": "left", **table} for table in tables or ({},)
                ],
            }
        )

    def drift(self, **table: Any) -> Drift:
        mirror = self.mirror(table)
        with mirror.reading() as both:
            return drift_of(both, pair_of(both, mirror.tables[0]))

    def rows(self, relation: str = "people") -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        query = f"SELECT * FROM {relation} ORDER BY 1"  # noqa: S608
        return run(self.left, query), run(self.right, query)


def run(url: str, *statements: str, **params: object) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True, client_encoding="utf8") as session:
        for statement in statements:
            cursor = session.execute(statement.encode(), params or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def stores(request: pytest.FixtureRequest, postgres18: Server) -> Iterator[Two]:
    other: Server = request.getfixturevalue("postgres15") if STRICT else postgres18
    with postgres18.fresh_database() as left, other.fresh_database() as right:
        yield Two(left, right)


# Making two databases for every test would take most of its time.
EMPTIED = """
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', name);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());
    CREATE SCHEMA public;
END $$
"""


@pytest.fixture
def two(stores: Two) -> Two:
    stores.both(EMPTIED)
    return stores


@pytest.fixture
def people(two: Two) -> Two:
    """Nine people in both stores, alike."""
    two.both(
        PEOPLE,
        "INSERT INTO people SELECT n, 'Ada ' || n, 'ada' || n || '@example.com', 'new' FROM generate_series(1, 9) n",
    )
    return two


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on its way here unless a test sends it."""
    monkeypatch.setattr(compare, "SECOND_LOOK_AFTER_S", 0.0)
