-- Part of other questions: who builds, rebuilds or drops an index of which table just now, without locking anybody out.
at_work AS MATERIALIZED (
    SELECT p.pid, p.relid, nullif(p.index_relid, 0) AS index_oid
    FROM pg_stat_progress_create_index p
    WHERE p.datname = current_database()
    UNION
    -- DROP INDEX CONCURRENTLY reports nothing: it is known by the lock it keeps on the index, as a rebuild is.
    SELECT k.pid, i.indrelid, i.indexrelid
    FROM pg_locks k
    JOIN pg_database d ON d.oid = k.database AND d.datname = current_database()
    JOIN pg_index i ON i.indexrelid = k.relation
    WHERE k.locktype = 'relation' AND k.mode = 'ShareUpdateExclusiveLock' AND k.granted
)
