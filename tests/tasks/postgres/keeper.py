"""The acting role as the lab's operator is: a member of the application's role, and so of its tables' owner."""

from __future__ import annotations

from tasks.postgres.system import PostgresServer
from tests.tasks.postgres.conftest import PASSWORD, Stage


def keeper(stage: Stage) -> PostgresServer:
    """A door through which tables may be looked after. A role of its own: roles outlive a test's database."""
    if not stage.admin("SELECT 1 FROM pg_roles WHERE rolname = 'keeper'"):
        stage.admin(f"CREATE ROLE keeper LOGIN PASSWORD '{PASSWORD}' IN ROLE app, pg_monitor")
    return stage.door(acts="keeper")
