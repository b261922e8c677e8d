"""A database worth keeping, with all that a dump may lose: odd names, owners, large objects, sequences, partitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from tasks.backup.system import Backups
from tests.conftest import Server, own_server
from tests.tasks.postgres.conftest import Stage, staged

ODD = '"We ""ird.%s"'
SCHEMA = f"""
CREATE SCHEMA archive AUTHORIZATION app;
CREATE TABLE {ODD} (id int PRIMARY KEY, "a ""b%s" text, score float8, data jsonb, raw bytea, took interval,
    loud text GENERATED ALWAYS AS (upper("a ""b%s")) STORED);
INSERT INTO {ODD} (id, "a ""b%s", score, data, raw, took)
    SELECT n, CASE n %% 3 WHEN 0 THEN NULL ELSE E'li"ne\\n' || n END, 0.1 * n, jsonb_build_object('n', n),
        decode('00ff', 'hex'), n * interval '36 hours' FROM generate_series(1, 500) n;
CREATE TABLE twins (word text);
INSERT INTO twins SELECT 'same' FROM generate_series(1, 3);
CREATE TABLE parted (at date, n int) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
INSERT INTO parted SELECT '2026-01-05', n FROM generate_series(1, 20) n;
CREATE TABLE archive.old (id int);
CREATE TABLE nothing ();
CREATE VIEW newest AS SELECT max(at) FROM parted;
CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
ALTER FUNCTION double(int) OWNER TO app;
ALTER TABLE archive.old OWNER TO app;
SELECT lo_from_bytea(4711, decode('cafe', 'hex'));
""".replace("%%", "%")  # noqa: S608


@dataclass
class Kept:
    """A stage that is backed up to `folder`."""

    stage: Stage
    folder: Path

    def door(self, **changed: object) -> Backups:
        parts = self.stage.admin_url
        given: dict[str, object] = {
            "url": self.stage.url("boss"),
            "scratch_url": SecretStr(parts),
            "folder": self.folder,
        }
        return Backups(**{**given, **changed})  # type: ignore[arg-type]

    @property
    def scratched(self) -> list[tuple[object, ...]]:
        """What a trial left on the server."""
        return self.stage.admin("SELECT datname FROM pg_database WHERE datname LIKE 'incident_scratch%'")


@pytest.fixture(params=["postgres18", "postgres15"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    with staged(request.getfixturevalue(request.param)) as stage:
        stage.admin(SCHEMA)
        yield Kept(stage, tmp_path / "backups")


@pytest.fixture
def kept18(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """For what does not differ between versions."""
    with staged(request.getfixturevalue("postgres18")) as stage:
        stage.admin(SCHEMA)
        yield Kept(stage, tmp_path / "backups")


@pytest.fixture(scope="session")
def postgres18_other(postgres18: Server) -> Iterator[str]:
    """The admin URL of another server, which knows none of the roles."""
    with own_server(postgres18.cluster.bin, {}) as server:
        yield server.admin_url
