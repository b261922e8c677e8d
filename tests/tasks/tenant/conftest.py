"""Two real databases with the same tables: two tenants in the one, none in the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.tenant.system import TenantData, TenantTable
from tests.tasks.postgres.conftest import Stage, staged

# A tenant that is a value, whatever it looks like.
HOSTILE = "x' OR true; DROP TABLE organizations; --%s\\"
ODD = '"We ""ird.%s"'
SCHEMA = f"""
DROP TABLE leads;
CREATE TABLE organizations (id text PRIMARY KEY, name text);
CREATE TABLE leads (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id text NOT NULL REFERENCES organizations,
    referred_by bigint REFERENCES leads, email text, score float8, seen timestamptz, data jsonb, raw bytea,
    took interval, "a ""b%s" text, loud text GENERATED ALWAYS AS (upper(email)) STORED
);
CREATE TABLE {ODD} (lead_id bigint PRIMARY KEY REFERENCES leads, choice text);
CREATE TABLE remarks (id serial PRIMARY KEY, lead_id bigint REFERENCES leads ON DELETE CASCADE);
GRANT ALL ON organizations, leads, {ODD}, remarks TO app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO app;
GRANT TEMPORARY ON DATABASE
"""
ROWS = f"""
INSERT INTO organizations VALUES ('acme', 'Acme'), ('beta', 'Beta, "Ltd"'), ($h${HOSTILE}$h$, NULL);
INSERT INTO leads (organization_id, email, score, seen, data, raw, took, "a ""b%s")
SELECT o.id, 'lead' || n, 0.1 * n, '2026-03-29 01:30:00+00'::timestamptz + n * interval '1 day',
    jsonb_build_object('n', n, 'text', E'line\\nbreak "quoted"'), decode('00ff', 'hex'), n * interval '36 hours',
    CASE n % 3 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE '\\.' END
FROM organizations o, generate_series(1, 7) n ORDER BY o.id, n;
UPDATE leads SET referred_by = id + 1 WHERE email < 'lead7';
INSERT INTO {ODD} SELECT id, 'yes' FROM leads WHERE email < 'lead5';
"""  # noqa: S608


@dataclass
class Move:
    """Where a tenant is, and where it goes."""

    source: Stage
    target: Stage
    folder: Path

    def door(self, **changed: object) -> TenantData:
        tables = (
            TenantTable(table="organizations", column="id"),
            TenantTable(table="leads", column="organization_id"),
            TenantTable(table=ODD, column="lead_id", of="leads"),
        )
        given: dict[str, object] = {
            "url": self.source.url("app"),
            "target_url": self.target.url("app"),
            "folder": self.folder,
            "tables": tables,
        }
        return TenantData(**{**given, **changed})  # type: ignore[arg-type]

    def rows(self, stage: Stage, table: str) -> list[tuple[object, ...]]:
        return stage.admin(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608


def prepared(stage: Stage) -> None:
    database = stage.admin_url.rpartition("/")[2]
    stage.admin(f"{SCHEMA.strip()} {database} TO app")


@pytest.fixture(params=["postgres18", "postgres15"])
def move(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Move]:
    server = request.getfixturevalue(request.param)
    with staged(server) as source, staged(server) as target:
        for stage in (source, target):
            prepared(stage)
        source.admin(ROWS)
        # So that the imported ids meet others.
        target.admin("ALTER TABLE leads ALTER COLUMN id RESTART WITH 1000")
        yield Move(source, target, tmp_path / "tenants")


@pytest.fixture
def move18(postgres18: object, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Move]:
    """For what does not differ between versions."""
    server = request.getfixturevalue("postgres18")
    with staged(server) as source, staged(server) as target:
        for stage in (source, target):
            prepared(stage)
        source.admin(ROWS)
        yield Move(source, target, tmp_path / "tenants")
