"""The journal's tables, by versioned migrations, and who may do what with them."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg import sql
from psycopg.errors import LockNotAvailable
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from flows.journal.connection import Connection, connect, refuse_transaction_pooler, speaking
from flows.journal.locks import lock_key
from flows.journal.rights import TABLES
from tasks.measurements.queries import MONTHS_AHEAD
from tasks.measurements.thinning import WAIT_FOR_TABLE

SCRIPTS = Path(__file__).with_name("migrations")
SCHEMA = "incident"
# Prefect keeps its own `alembic_version` in the same database.
VERSION_TABLE = "incident_alembic_version"
LOCK = lock_key("journal migration", SCHEMA)

# Replicas that start together wait for the first one; what is large is never copied, so nobody needs longer.
WAIT_FOR_REPLICA = "60s"

# Alembic keeps the migration under way in a module global.
_ONE_AT_A_TIME = threading.Lock()


_MIGHT_OWN = """
    SELECT pg_has_role(runner.oid, owner.oid, 'MEMBER'), owner.rolname
      FROM pg_roles AS runner, pg_roles AS owner
     WHERE owner.oid = coalesce((SELECT nspowner FROM pg_namespace WHERE nspname = %s), current_user::regrole)
       AND runner.rolname = %s
"""


class CannotMigrate(Exception):
    """The journal's tables cannot be brought up to date; the message says why."""


def migrate(owner_url: str, runner_role: str) -> None:
    """Bring the tables up to date and give `runner_role` the right to add entries and read them, nothing else.

    Safe to repeat, and to run from several replicas at once.

    Raises:
        CannotMigrate: `runner_role` does not exist, or could change what it writes.
        JournalUnavailable: the database does not answer, refuses the owner, or is behind a transaction pooler.
    """
    url = SecretStr(owner_url)
    guard = connect(url)
    try:
        with speaking(url):
            refuse_transaction_pooler(guard, url)
            _refuse_unfit(guard, runner_role)
            guard.execute("SELECT set_config('lock_timeout', %s, false)", [WAIT_FOR_REPLICA])
            guard.execute("SELECT set_config('statement_timeout', '0', false)")
            # On a session of its own: alembic may commit in between, and the guard must outlive that.
            guard.execute("SELECT pg_advisory_lock(%s)", [LOCK])
            with _ONE_AT_A_TIME:
                _upgrade(url)
            guard.execute("SELECT set_config('lock_timeout', %s, false)", [WAIT_FOR_TABLE])
            # A backup reads for hours. There is a part for all the rest, and the next start tries again.
            with suppress(LockNotAvailable):
                guard.execute(MONTHS_AHEAD)
            _grant(guard, runner_role)
    finally:
        guard.close()


def _refuse_unfit(session: Connection, runner_role: str) -> None:
    row = session.execute(_MIGHT_OWN, [SCHEMA, runner_role]).fetchone()
    if row is None:
        raise CannotMigrate(
            f"There is no role {runner_role!r}. Create it: CREATE ROLE {runner_role} LOGIN PASSWORD '…'."
        )
    if row[0]:
        raise CannotMigrate(
            f"The running role {runner_role!r} is a superuser, or belongs to the tables' owner {row[1]!r}: it could "
            "switch off what keeps the journal honest. Give the workers a role of their own."
        )
    encoding = session.execute("SELECT getdatabaseencoding()").fetchone()
    if encoding and encoding[0] != "UTF8":
        raise CannotMigrate(
            f"The database is encoded in {encoding[0]}; the journal needs one created WITH ENCODING 'UTF8'."
        )


def _upgrade(url: SecretStr) -> None:
    def session() -> Connection:
        opened = connect(url)
        opened.execute("SELECT set_config('lock_timeout', %s, false)", [WAIT_FOR_TABLE])
        opened.execute("SELECT set_config('statement_timeout', '0', false)")
        opened.autocommit = False
        return opened

    engine = create_engine("postgresql+psycopg://", creator=session, poolclass=NullPool)
    config = Config()
    # ConfigParser reads '%' as the beginning of a name.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            # Around the database's own words SQLAlchemy prints the whole statement.
            raise (error.orig or error) from None


def _grant(session: Connection, runner_role: str) -> None:
    schema, runner = sql.Identifier(SCHEMA), sql.Identifier(runner_role)
    tables = sql.SQL(", ").join(sql.Identifier(SCHEMA, name) for name in TABLES)
    with session.transaction():
        for role in (sql.SQL("PUBLIC"), runner):
            for what in ("SCHEMA", "ALL TABLES IN SCHEMA", "ALL SEQUENCES IN SCHEMA", "ALL FUNCTIONS IN SCHEMA"):
                session.execute(sql.SQL("REVOKE ALL ON {} {} FROM {}").format(sql.SQL(what), schema, role))
        session.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, runner))
        session.execute(sql.SQL("GRANT SELECT, INSERT ON {} TO {}").format(tables, runner))
