"""The database gets slower and slower: memory, disk, log, replicas, transaction age, VACUUM."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.host.checks import check_host_cpu, check_host_disks, check_host_memory
from tasks.postgres.connections.actions import EndIdleSessions
from tasks.postgres.connections.checks import check_connection_slots
from tasks.postgres.indexes.actions import CreateMissingIndex
from tasks.postgres.indexes.checks import (
    check_idle_indexes,
    check_invalid_indexes,
    check_missing_indexes,
    check_sequential_scans,
)
from tasks.postgres.indexes.drops import DropInvalidIndexes
from tasks.postgres.locks.actions import TerminateBlockingSessions
from tasks.postgres.locks.checks import (
    check_blocked_sessions,
    check_deadlocks,
    check_idle_in_transaction,
    check_long_transactions,
)
from tasks.postgres.replication.actions import DropAbandonedSlot
from tasks.postgres.replication.checks import check_replication_lag, check_replication_slots
from tasks.postgres.server.checks import check_cache_hits, check_checkpoints, check_temp_files, check_wal_rate
from tasks.postgres.statements.checks import check_slow_statements
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.tables.sequences import check_sequences
from tasks.postgres.vacuum.actions import AnalyzeTable, EndVacuumHolders, VacuumTable
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.postgres.vacuum.checks import (
    check_autovacuum,
    check_dead_rows,
    check_stale_statistics,
    check_vacuum_held_back,
)
from tasks.postgres.vacuum.faults import ForgetReport, SwitchAutovacuumOff

runbook = Runbook(
    title="The database gets slower and slower",
    problem=(
        "Everything takes longer than last week, and no single statement is to blame: memory or disk run short, VACUUM "
        "falls behind or removes nothing, the write-ahead log piles up, a replica is late, the numbers of transactions "
        "or of a key run out."
    ),
    severity=Severity.P2,
    keywords=(
        "performance",
        "degradation",
        "slow database",
        "cpu",
        "memory",
        "disk",
        "cache hit ratio",
        "temporary files",
        "work_mem",
        "checkpoint",
        "max_wal_size",
        "wal",
        "replication lag",
        "replication slot",
        "wraparound",
        "sequence exhausted",
        "integer out of range",
        "nextval",
        "bigint",
        "serial",
        "xid",
        "multixact",
        "autovacuum",
        "xmin",
        "database size",
        "growth",
        "pgbench",
        "postgres",
    ),
    symptoms=(
        Symptom(alert="PostgresPerformanceDegraded"),
        Symptom(alert="PostgresReplicationLag"),
        Symptom(alert="PostgresReplicationSlotHoldsWal"),
        Symptom(alert="PostgresTransactionAge"),
        Symptom(alert="PostgresDiskFull"),
        Symptom(heard="The API's p95 is over 500 ms, and it gets worse from day to day."),
        Symptom(heard="The dashboard loads slowly; the database's CPU, memory or disk is busy all day."),
        Symptom(heard="Customers do not see what they just saved."),
        Symptom(heard="The disk fills, and nobody has imported anything."),
        Symptom(heard='nextval: reached maximum value of sequence "orders_id_seq" (2147483647)'),
        Symptom(heard="Every INSERT into one table fails: ERROR: integer out of range (or: smallint out of range)."),
        Symptom(heard="The server logs 'database must be vacuumed' or 'checkpoints are occurring too frequently'."),
    ),
    diagnosis=(
        check_cache_hits,
        check_temp_files,
        check_checkpoints,
        check_wal_rate,
        check_replication_lag,
        check_replication_slots,
        check_transaction_age,
        check_database_size,
        check_sequences,
        check_autovacuum,
        check_vacuum_held_back,
        check_host_cpu,
        check_host_memory,
        check_host_disks,
        # database/connections-exhausted
        check_connection_slots,
        # database/slow-queries
        check_slow_statements,
        check_missing_indexes,
        check_sequential_scans,
        check_stale_statistics,
        check_dead_rows,
        check_invalid_indexes,
        check_idle_indexes,
        # database/blocked-sessions
        check_blocked_sessions,
        check_long_transactions,
        check_idle_in_transaction,
        check_deadlocks,
    ),
    resolution=(
        # First who holds others up; then what VACUUM can do once nobody does.
        Step(TerminateBlockingSessions(), when=check_blocked_sessions),
        Step(EndIdleSessions(), when=check_connection_slots),
        Step(EndVacuumHolders(), when=check_vacuum_held_back),
        Step(VacuumTable(), when=check_dead_rows),
        Step(AnalyzeTable(), when=check_stale_statistics),
        Step(CreateMissingIndex(), when=check_slow_statements),
        Step(DropInvalidIndexes(), when=check_invalid_indexes),
        Manual(
            "Save a slot before its log is gone",
            when=check_replication_slots,
            how="""\
In this order. A slot whose wal_status is `unreserved` has lost nothing yet, and does with the next checkpoint; one that
is `extended` has what the finding says before it comes to that. If the disk has the room, raise the limit, and the slot
is safe at once (the finding has the line with a size that is enough):

    ALTER SYSTEM SET max_slot_wal_keep_size = '<twice what it keeps>';
    SELECT pg_reload_conf();

Then bring its replica or subscriber back: it goes on where it stopped, and the log it has read is removed. Set the
limit back. Only `lost` cannot be mended: drop the slot, and make its replica anew (the next step). Without a limit the
log is kept until the disk is full: whoever reads from no slot any more should have none.""",
        ),
        Step(DropAbandonedSlot(), when=check_replication_slots),
        Manual(
            "Freeze the oldest tables",
            when=check_transaction_age,
            how="""\
The finding lists the databases, the oldest tables of the connected one, and whoever keeps VACUUM from freezing them:
end that first (old transactions, prepared transactions, slots). Then, in the database that is named, oldest first:

    VACUUM (FREEZE, VERBOSE) <table>;

It takes no lock that reads or writes wait for, and hours on a large table. To have it done sooner, let it use the disk
fully: SET vacuum_cost_delay = 0; before it, and skip the indexes (INDEX_CLEANUP off) if the end is near. Single-user
mode is not needed: since Postgres 9.6 a VACUUM works even when writes are refused.""",
        ),
        Manual(
            "Give a key more numbers",
            when=check_sequences,
            how="""\
The finding names the sequence, the column that takes its numbers, and which of the two is the narrower one.

If it is the sequence alone (the column is bigint already), this is over in a moment. It waits for transactions that
took a number, and whoever wants one waits behind it, so let it give up soon and try again:

    SET lock_timeout = '2s';
    ALTER SEQUENCE <sequence> AS bigint NO MAXVALUE;

If it is the column: this writes the whole table and its indexes anew, and until it is done nobody reads or writes the
table. Columns that refer to it first, then the sequence:

    ALTER TABLE <table> ALTER COLUMN <column> TYPE bigint;

Where that takes too long, in steps that hold nobody up but for a moment. <t> is the table, id its serial key,
<t>_id_seq the sequence; columns that refer to it are widened first, and their foreign keys dropped before the swap and
made again after it:

    ALTER TABLE <t> ADD COLUMN id_wide bigint;
    CREATE FUNCTION <t>_widen() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN NEW.id_wide := NEW.id; RETURN NEW; END $$;
    CREATE TRIGGER <t>_widen BEFORE INSERT OR UPDATE ON <t> FOR EACH ROW EXECUTE FUNCTION <t>_widen();
    UPDATE <t> SET id_wide = id WHERE id BETWEEN 1 AND 10000 AND id_wide IS NULL;  -- and so on, each committed
    CREATE UNIQUE INDEX CONCURRENTLY <t>_wide_key ON <t> (id_wide);
    ALTER TABLE <t> ADD CONSTRAINT wide CHECK (id_wide IS NOT NULL) NOT VALID;
    ALTER TABLE <t> VALIDATE CONSTRAINT wide;

Then the swap, all or nothing:

    BEGIN;
    SET LOCAL lock_timeout = '2s';
    LOCK TABLE <t>;
    ALTER SEQUENCE <t>_id_seq AS bigint NO MAXVALUE;
    ALTER SEQUENCE <t>_id_seq OWNED BY <t>.id_wide;
    ALTER TABLE <t> DROP CONSTRAINT <t>_pkey, ALTER id DROP DEFAULT, ALTER id DROP NOT NULL,
      ALTER id_wide SET DEFAULT nextval('<t>_id_seq');
    ALTER TABLE <t> RENAME id TO id_narrow;
    ALTER TABLE <t> RENAME id_wide TO id;
    ALTER TABLE <t> ADD CONSTRAINT <t>_pkey PRIMARY KEY USING INDEX <t>_wide_key, DROP CONSTRAINT wide;
    DROP TRIGGER <t>_widen ON <t>;
    COMMIT;

The old column is dropped when nothing reads it any more. The application must take numbers beyond 2,147,483,647 by
then. If INSERTs fail already and the table takes hours: numbers below zero are as many as above. Only where the
application takes them:

    ALTER SEQUENCE <sequence> MINVALUE -2147483648 RESTART WITH -2147483648;""",
        ),
        Manual(
            "Let autovacuum keep up",
            when=check_autovacuum,
            how="""\
The finding says whether autovacuum is off, or all its workers are busy. As the owner of the server:

    ALTER SYSTEM SET autovacuum = on;
    ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 2000;  -- ten times the default, shared by all workers
    ALTER SYSTEM SET maintenance_work_mem = '512MB';       -- fewer passes over each index
    SELECT pg_reload_conf();

More workers alone do not help: they share one cost limit, and before Postgres 18 they need a restart.""",
        ),
        Manual(
            "Give sorts the memory they need",
            when=check_temp_files,
            how="""\
The finding names the statements that spill. work_mem is taken by every sort and hash of every session, so raise it for
the one role that needs it, not for all:

    ALTER ROLE <the report's role> SET work_mem = '64MB';

It holds for new sessions. Where the statement sorts what an index has in order, the index is the better cure.""",
        ),
        Manual(
            "Let checkpoints come by the clock",
            when=check_checkpoints,
            how="""\
Each forced checkpoint means that max_wal_size was written before checkpoint_timeout was over. check_wal_rate says how
much is written an hour: max_wal_size should hold what is written within two checkpoint_timeouts (at 60 GiB an hour and
5 min that is 10 GiB). The disk must have room for it.

    ALTER SYSTEM SET max_wal_size = '<size>';
    SELECT pg_reload_conf();

A crash then takes longer to recover from: about as long as it took to write that much.""",
        ),
        Manual(
            "Find out what writes so much",
            when=check_wal_rate,
            how="""\
    SELECT query, calls, pg_size_pretty(wal_bytes) AS wal, wal_fpi
      FROM pg_stat_statements ORDER BY wal_bytes DESC LIMIT 10;

Many wal_fpi (whole pages) come from checkpoints that are too close: see check_checkpoints; wal_compression = lz4 halves
them. Updates of rows that did not change, and indexes nobody uses (check_idle_indexes), are written as well.""",
        ),
        Manual(
            "Bring the replica up to date",
            when=check_replication_lag,
            how="""\
On the replica: is replay paused (SELECT pg_is_wal_replay_paused(); pg_wal_replay_resume() goes on)? Does a long query
hold it up (max_standby_streaming_delay)? Is its disk or one CPU busy: replay uses a single process? Has the primary's
rate risen (check_wal_rate)? Until it is back, let the application read from the primary, if that can bear it. Do not
fail over to a late replica: what it lacks would be lost.""",
        ),
        Manual(
            "Scale the server",
            when=check_host_cpu,
            how="""\
After the steps above, not before: one missing index fills any number of processors. check_slow_statements names what
takes the time. If nothing stands out there, the numbers to decide by are:

  processor  check_host_cpu: above 95 % for minutes. Take twice the cores; below half the load they are wasted.
  stolen     time taken by other tenants: a larger plan of the same kind does not help, a dedicated one does.
  waiting    time spent waiting for disks: take a faster volume, or more memory (check_cache_hits), not more cores.
  reads      a read replica takes reports and dashboards; it shows what was true a moment ago.

A resize restarts the server: minutes without a database. Announce it, and do it outside business hours.""",
        ),
        Manual(
            "Give the cache more memory",
            when=check_cache_hits,
            how="""\
Below 80 % found in shared_buffers for half an hour, the data that is used all the time is larger than the memory.
First look at check_sequential_scans: a table read whole again and again throws everything else out, and an index ends
that. Then:

    ALTER SYSTEM SET shared_buffers = '<a quarter of the memory>';  -- takes a restart

If it is that large already, double the server's memory. A database much larger than that is well served as long as
what it uses within an hour fits.""",
        ),
        Manual(
            "Free the server's memory",
            when=check_host_memory,
            how="""\
Below 5 % Linux ends the largest process soon, and Postgres restarts as a whole. Who takes it: on the host
`ps -eo pid,rss,args --sort=-rss | head`. A session that has grown (a huge result, a prepared statement cache) is ended:

    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = <pid> AND backend_start = '<backend_start>';

Many sessions of a few MiB each: fewer connections, through a pooler (database/connections-exhausted). Every sort of
every session may take work_mem: max_connections times work_mem must fit. If all of it is needed, double the memory.""",
        ),
        Manual(
            "Make room on the disk",
            when=check_host_disks,
            how="""\
Never delete anything in pg_wal by hand: the server does not start again without it. What may go, in this order: old
server logs and dumps beside the data; log kept for abandoned slots (check_replication_slots); log that the archiver
could not hand over (SELECT last_failed_wal, last_failed_time FROM pg_stat_archiver; mend archive_command); temporary
files of a crashed server (base/pgsql_tmp, after a restart). Then enlarge the volume: most providers do it while the
server runs. If it is full already, Supabase has made the database read-only: enlarge it, then lift that.""",
        ),
        Manual(
            "Make room, or take a larger plan",
            when=check_database_size,
            how="""\
The finding names the size, the trend and the largest tables with what they grew by. In this order: archive or delete
what nobody needs (old events, logs, sessions), partition by month what grows for ever so that old months can be
dropped, take out bloat (REINDEX INDEX CONCURRENTLY, pg_repack), then a larger plan. DELETE makes no room on disk by
itself: VACUUM makes it usable again for the same table, dropping a partition gives it back at once.""",
        ),
    ),
    # Long enough for VACUUM to come once a minute; half an hour for counters to show that it stays well.
    verification=Verify(hold=timedelta(minutes=1), within=timedelta(minutes=30)),
    prevention=(
        Watch(check_vacuum_held_back, every=timedelta(minutes=15)),
        Watch(check_replication_lag, every=timedelta(minutes=5)),
        Watch(check_replication_slots, every=timedelta(minutes=15)),
        Watch(check_cache_hits, every=timedelta(minutes=15)),
        Watch(check_temp_files, every=timedelta(minutes=15)),
        Watch(check_checkpoints, every=timedelta(minutes=15)),
        Watch(check_wal_rate, every=timedelta(minutes=15)),
        Watch(check_autovacuum, every=timedelta(hours=1)),
        Watch(check_transaction_age, every=timedelta(hours=6)),
        Watch(check_database_size, every=timedelta(days=1)),
        # Of an integer key 1 % is 21 million rows: a day is soon enough.
        Watch(check_sequences, every=timedelta(days=1)),
        Watch(check_host_cpu, every=timedelta(minutes=15)),
        Watch(check_host_memory, every=timedelta(minutes=5)),
        Watch(check_host_disks, every=timedelta(minutes=5)),
    ),
    related=("database/slow-queries", "database/blocked-sessions", "database/connections-exhausted"),
    drills=(
        Drill(fault=ForgetReport(), noticed_by=check_vacuum_held_back, resolved_by=EndVacuumHolders),
        Drill(fault=SwitchAutovacuumOff(), noticed_by=check_dead_rows, resolved_by=VacuumTable),
    ),
)
