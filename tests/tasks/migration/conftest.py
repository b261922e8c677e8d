"""A team's own folder of real Alembic migrations, and a real database they are for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.migration.system import MigrationTool
from tests.tasks.postgres.conftest import Stage, staged

ENV = """
import logging, os
from alembic import context
from sqlalchemy import create_engine, pool

logging.basicConfig(level="INFO")
url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
with create_engine(url, poolclass=pool.NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
REVISION = """
from alembic import op

revision, down_revision, branch_labels, depends_on = {name!r}, {after!r}, None, None


def upgrade():
    {up}


def downgrade():
    {down}
"""
ALEMBIC = (sys.executable, "-m", "alembic", "-c", "alembic.ini")


@dataclass
class Team:
    """Writes migrations, each after the one before."""

    stage: Stage
    folder: Path
    last: str | None = None

    def writes(self, name: str, up: str, down: str = "pass") -> None:
        text = REVISION.format(name=name, after=self.last, up=up, down=down)
        (self.folder / "versions" / f"{name}.py").write_text(text)
        self.last = name

    def executes(self, name: str, up: str, down: str) -> None:
        self.writes(name, f"op.execute({up!r})", f"op.execute({down!r})")

    def tool(self, **changed: object) -> MigrationTool:
        given: dict[str, object] = {
            "url": self.stage.url("app"),
            "folder": self.folder,
            "current": (*ALEMBIC, "current"),
            "newest": (*ALEMBIC, "heads"),
            "apply": (*ALEMBIC, "upgrade", "{revision}"),
            "back": (*ALEMBIC, "downgrade", "{revision}"),
            "lock_timeout_s": 0.3,
        }
        return MigrationTool(**{**given, **changed})  # type: ignore[arg-type]

    def columns(self) -> list[object]:
        asked = "SELECT column_name FROM information_schema.columns WHERE table_name = 'leads'"
        return [name for (name,) in self.stage.admin(asked)]


def ready(stage: Stage, folder: Path) -> Team:
    stage.admin("GRANT CREATE ON SCHEMA public TO app; ALTER TABLE leads OWNER TO app")
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV)
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = .\n")
    return Team(stage, folder)


def _team(server: object, folder: Path) -> Iterator[Team]:
    with staged(server) as stage:  # type: ignore[arg-type]
        yield ready(stage, folder)


@pytest.fixture
def team(postgres18: object, tmp_path: Path) -> Iterator[Team]:
    yield from _team(postgres18, tmp_path)


@pytest.fixture
def team15(postgres15: object, tmp_path: Path) -> Iterator[Team]:
    yield from _team(postgres15, tmp_path)
