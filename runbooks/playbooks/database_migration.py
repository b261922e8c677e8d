"""Change the schema: look first, apply by the team's own command, see that it worked, and know the way back."""

from datetime import timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Playbook
from tasks.migration.actions import ApplyMigrations
from tasks.migration.checks import (
    check_backup_before_migration,
    check_migrated_database,
    check_migrations_applied,
    check_migrations_known,
)
from tasks.postgres.indexes.checks import check_invalid_indexes
from tasks.postgres.locks.checks import check_blocked_sessions, check_idle_in_transaction, check_long_transactions
from tasks.postgres.replication.checks import check_replication_lag

playbook = Playbook(
    title="Migrate the database",
    purpose=(
        "Brings the schema to the newest migration by the team's own command, under a lock timeout, so that no "
        "customer waits behind it; tells exactly what changed, and offers the team's own way back if it did not work."
    ),
    keywords=("migration", "schema", "alembic", "drizzle", "prisma", "ddl", "deploy", "lock_timeout", "rollback"),
    prerequisites=(
        check_migrated_database,
        check_migrations_known,
        check_backup_before_migration,
        # A migration waits for each of these, and everybody waits behind the migration.
        check_blocked_sessions,
        check_long_transactions,
        check_idle_in_transaction,
        check_replication_lag,
    ),
    steps=(
        Manual(
            "Read the migrations",
            how="""\
The finding of check_migrations_known names where the schema stands and where it would go. Read what lies between:

- Does it lock a large table for long? (ALTER … TYPE, ADD COLUMN with a volatile default, CREATE INDEX without
  CONCURRENTLY, ADD CONSTRAINT without NOT VALID)
- Does the running version of the application work with the schema before and after it?
- Does its way back lose anything? A column that is dropped comes back empty.

Sign off when somebody else than the author has read them.""",
        ),
        Step(ApplyMigrations()),
    ),
    success=(check_migrations_applied, check_blocked_sessions, check_invalid_indexes),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
    related=("database/blocked-sessions", "database/slow-queries"),
)
