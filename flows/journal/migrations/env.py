"""How alembic runs here: on the connection it is given, with a version table of our own."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

from flows.journal.migrate import SCHEMA, VERSION_TABLE

connection = context.config.attributes["connection"]
# The version table lives in it, so it must be there before the first migration.
# Asked first: an owner for whom somebody else created the schema need not be allowed to create any.
if connection.scalar(text("SELECT to_regnamespace(:schema)"), {"schema": SCHEMA}) is None:
    connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
context.configure(connection=connection, version_table=VERSION_TABLE, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
