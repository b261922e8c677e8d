"""Statements are slow: an index is missing, the planner is misled, or a table is full of dead rows."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.postgres.indexes.actions import CreateMissingIndex
from tasks.postgres.indexes.checks import (
    check_duplicate_indexes,
    check_idle_indexes,
    check_invalid_indexes,
    check_missing_indexes,
    check_sequential_scans,
)
from tasks.postgres.indexes.drops import DropDuplicateIndexes, DropIdleIndexes, DropInvalidIndexes
from tasks.postgres.indexes.faults import DropIndexUnderLoad
from tasks.postgres.statements.actions import CancelRunningStatements
from tasks.postgres.statements.checks import check_running_statements, check_slow_statements
from tasks.postgres.statements.faults import LetReportRunAway
from tasks.postgres.tables.checks import check_index_bloat, check_table_bloat
from tasks.postgres.vacuum.actions import AnalyzeTable, VacuumTable
from tasks.postgres.vacuum.checks import check_dead_rows, check_stale_statistics

runbook = Runbook(
    title="Statements are slow",
    problem=(
        "Pages take long because the database takes long for a statement they make: it reads a whole table where an "
        "index is missing, the planner works with old statistics, or most of what it reads are dead rows."
    ),
    severity=Severity.P2,
    keywords=(
        "slow query",
        "slow queries",
        "latency",
        "missing index",
        "unused index",
        "duplicate index",
        "runaway query",
        "cancel query",
        "invalid index",
        "sequential scan",
        "pg_stat_statements",
        "explain",
        "analyze",
        "vacuum",
        "dead tuples",
        "autovacuum",
        "bloat",
        "postgres",
    ),
    symptoms=(
        Symptom(alert="PostgresSlowQueries"),
        Symptom(alert="PostgresHighQueryLatency"),
        Symptom(heard="One page takes seconds; it was fast last week."),
        Symptom(heard="Since the migration everything that shows this table is slow."),
        Symptom(heard="A report was started and never ends; everything else crawls."),
        Symptom(heard="The database's CPU or disk is busy, and nothing waits for a lock."),
    ),
    diagnosis=(
        check_slow_statements,
        check_running_statements,
        check_missing_indexes,
        check_sequential_scans,
        check_stale_statistics,
        check_dead_rows,
        check_invalid_indexes,
        check_duplicate_indexes,
        check_idle_indexes,
        check_table_bloat,
        check_index_bloat,
    ),
    resolution=(
        # First what takes the machine from all others just now.
        Step(CancelRunningStatements(), when=check_running_statements),
        # Before an index is built: with true statistics the planner may need none.
        Step(AnalyzeTable(), when=check_stale_statistics),
        Step(CreateMissingIndex(), when=check_slow_statements),
        Step(VacuumTable(), when=check_dead_rows),
        # After what makes it quick again: these make writes cheaper, and nobody waits for that.
        Step(DropInvalidIndexes(), when=check_invalid_indexes),
        Step(DropDuplicateIndexes(), when=check_duplicate_indexes),
        Step(DropIdleIndexes(), when=check_idle_indexes),
        Manual(
            "Rewrite the statement",
            when=check_slow_statements,
            how="""\
The finding of check_slow_statements names the statement, that of check_missing_indexes its plan. To see real numbers,
take real values and run it on a replica:

    EXPLAIN (ANALYZE, BUFFERS) <the statement with real values>;

Look for the step with the most rows removed by its filter, for a nested loop around a Seq Scan (one query a row: ask
for all rows at once), for OFFSET with large numbers (page by the last key instead), for a function around a column
(lower(email) = … wants an index on lower(email)), and for columns fetched and never shown.""",
        ),
        Manual(
            "Let autovacuum keep up with this table",
            when=check_dead_rows,
            how="""\
VACUUM was needed by hand, so autovacuum comes too rarely for this table. For it alone:

    ALTER TABLE <table> SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.01);

If VACUUM runs and the dead rows stay, a transaction is older than they are: see database/blocked-sessions,
check_long_transactions; replication slots and prepared transactions hold rows back as well.""",
        ),
    ),
    # Half an hour holds several watches: a statement called every few minutes is judged by the calls between two looks.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=30)),
    prevention=(
        Watch(check_slow_statements, every=timedelta(minutes=5)),
        Watch(check_sequential_scans, every=timedelta(hours=1)),
        Watch(check_stale_statistics, every=timedelta(hours=1)),
        Watch(check_dead_rows, every=timedelta(hours=1)),
    ),
    related=("database/blocked-sessions",),
    drills=(
        Drill(fault=DropIndexUnderLoad(), noticed_by=check_slow_statements, resolved_by=CreateMissingIndex),
        Drill(fault=LetReportRunAway(), noticed_by=check_running_statements, resolved_by=CancelRunningStatements),
    ),
)
