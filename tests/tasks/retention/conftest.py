"""A mailing's tables as the seeds have them: what is old hangs together, and some of it must stay for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tasks.retention.system import Retention, Rule
from tests.tasks.postgres.conftest import Stage, staged

ODD = 'We "ird.%s'
SCHEMA = """
DROP TABLE leads;
CREATE TABLE enrollments (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lead int, status text,
    loud text GENERATED ALWAYS AS (upper(status)) STORED, updated_at timestamptz NOT NULL, UNIQUE (lead));
CREATE TABLE sends (id bigint PRIMARY KEY, enrollment_id bigint REFERENCES enrollments ON DELETE CASCADE, at date);
CREATE TABLE events (id bigint PRIMARY KEY, send_id bigint REFERENCES sends ON DELETE CASCADE, type text,
    at timestamptz);
CREATE TABLE logs (node text, n int, at timestamp, text text, PRIMARY KEY (node, n));
CREATE TABLE "We ""ird.%s" ("k%s" int PRIMARY KEY, "a ""t" date);
INSERT INTO enrollments (lead, status, updated_at) SELECT n, CASE WHEN n %% 5 = 0 THEN 'active' ELSE 'completed' END,
    now() - n * interval '1 day' FROM generate_series(1, 200) n;
INSERT INTO sends SELECT id, id, now() - interval '200 days' FROM enrollments WHERE id > 150;
INSERT INTO events SELECT n, CASE WHEN n < 40 THEN 150 + n END,
    (ARRAY['open', 'click', 'delivered', 'unsubscribe', 'Spam_Report', NULL])[n %% 6 + 1],
    now() - n * interval '10 days' FROM generate_series(1, 300) n;
INSERT INTO logs SELECT 'n' || n %% 3, n, now() - n * interval '1 hour', repeat('x', 100)
    FROM generate_series(1, 2000) n;
INSERT INTO "We ""ird.%s" SELECT n, now() - n * interval '1 day' FROM generate_series(1, 20) n;
CREATE SCHEMA archive;
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;
GRANT ALL ON SCHEMA archive TO app;
ANALYZE;
""".replace("%%", "%")

LOGS: dict[str, object] = {
    "table": "logs",
    "age_column": "at",
    "older_than_days": 14,
    "mode": "delete",
    "batch_rows": 500,
}
EVENTS: dict[str, object] = {
    "table": "events", "age_column": "at", "older_than_days": 730, "mode": "delete",
    "keep": {"type": ["unsubscribe", "spam_report"]},
}  # fmt: skip
ENROLLED: dict[str, object] = {
    "table": "enrollments", "age_column": "updated_at", "older_than_days": 90, "mode": "archive",
    "where": {"status": ["completed"]}, "only_unreferenced": True, "batch_rows": 20,
}  # fmt: skip


@dataclass
class Old:
    """A stage with old rows in it."""

    stage: Stage

    def door(self, *rules: dict[str, object], **changed: object) -> Retention:
        given: dict[str, object] = {
            "url": self.stage.url("app"),
            "action_url": self.stage.url("app"),
            "drill_url": self.stage.url("app"),
            "rules": tuple(Rule(**rule) for rule in rules),  # type: ignore[arg-type]
            "pause_s": 0,
        }
        return Retention(**{**given, **changed})  # type: ignore[arg-type]

    def count(self, table: str, where: str = "true") -> int:
        return int(str(self.stage.admin(f"SELECT count(*) FROM {table} WHERE {where}")[0][0]))  # noqa: S608


@pytest.fixture(params=["postgres18", "postgres15"])
def old(request: pytest.FixtureRequest) -> Iterator[Old]:
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin(SCHEMA)
        yield Old(stage)


@pytest.fixture
def old18(request: pytest.FixtureRequest) -> Iterator[Old]:
    """For what does not differ between versions."""
    with staged(request.getfixturevalue("postgres18")) as stage:
        stage.admin(SCHEMA)
        yield Old(stage)
