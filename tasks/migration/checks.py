"""What we ask before and after a migration."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks.check import check
from tasks.migration.backup import last_backup_at
from tasks.migration.queries import SAME_PLACE
from tasks.migration.system import MigrationTool
from tasks.model import CannotLook, Finding, Threshold, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.words import HOUR_S, span

# The team's commands start an interpreter and import an application; each has a limit of its own below.
COMMANDS_TAKE = timedelta(minutes=3)
# Clocks of two machines differ; more than this is a wrong clock or a wrong zone.
CLOCKS_DIFFER_S = 300.0

BACKUP_AGE = Threshold(
    warn=6 * HOUR_S,
    bad=26 * HOUR_S,
    because="Owner: the DBA. What was written since the last backup is lost if a migration goes wrong and cannot be "
    "taken back: half a working day is worth a new backup first. Backups are daily (seeds S1 and S4) and may take two "
    "hours; older means that one failed.",
)


@check(limit=COMMANDS_TAKE)
def check_migrations_known(migration: MigrationTool) -> Finding:
    """Is it known where the schema stands, and where the pending migrations lead?

    Where nothing is pending the answer is WARN: the playbook has nothing to apply.
    """
    stands, newest = migration.current_revision(), migration.newest_revision()

    pending = f"{newest} is pending" if stands != newest else "nothing is pending"
    return Finding(
        verdict=Verdict.OK if stands != newest else Verdict.WARN,
        says=f"{migration.database.address} stands at {stands}; {pending}.",
        facts={"stands": stands, "newest": newest},
    )


@check(limit=COMMANDS_TAKE)
def check_migrations_applied(migration: MigrationTool) -> Finding:
    """Does the schema stand at the newest migration?"""
    stands, newest = migration.current_revision(), migration.newest_revision()

    return Finding(
        verdict=Verdict.OK if stands == newest else Verdict.BAD,
        says=f"{migration.database.address} stands at {stands}"
        + ("." if stands == newest else f", and not at {newest}, which is the newest."),
        facts={"stands": stands, "newest": newest},
    )


@check(limit=COMMANDS_TAKE)
def check_backup_before_migration(migration: MigrationTool, age: Threshold = BACKUP_AGE) -> Finding:
    """Is there a recent backup to go back to?

    Asked is its time only: that it can be restored is what a restore shows.
    """
    try:
        ended = last_backup_at(migration)
    except CannotLook as error:
        return Finding.unknown(error.says, remedy=error.remedy)

    old_s = (datetime.now(UTC) - ended).total_seconds()
    if old_s < -CLOCKS_DIFFER_S:
        return Finding.unknown(
            f"The last backup ended {span(-old_s)} in the future.", remedy="Correct the clock, or the time's zone."
        )
    return Finding(
        verdict=age.judge(old_s),
        says=f"The last backup ended {span(max(old_s, 0))} ago (bad from {span(age.bad)}).",
        value=old_s,
        unit="s",
        facts={"ended": ended.isoformat()},
    )


@check
def check_migrated_database(postgres: PostgresServer, migration: MigrationTool) -> Finding:
    """Do the questions go to the very database that is migrated?

    Locks, lag and schema are asked of `postgres`, and the team's command connects by itself: to a copy, a pooler's
    other database, or yesterday's host, all of which answer just as well.
    """
    ours, theirs = postgres.rows(SAME_PLACE)[0], migration.database.rows(SAME_PLACE)[0]

    same = ours == theirs
    return Finding(
        verdict=Verdict.OK if same else Verdict.BAD,
        says=f"postgres and migration lead to {'the same' if same else 'different'} databases: {postgres.address} and "
        f"{migration.database.address}.",
        facts={"postgres": str(ours["name"]), "migration": str(theirs["name"])},
        remedy="" if same else "Correct one of the two URLs in environments.toml.",
    )
