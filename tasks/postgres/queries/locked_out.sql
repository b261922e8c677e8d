-- Part of other questions. Whoever measures one of these relations waits: it is locked out of everybody's reach, or
-- somebody queues up for such a lock, behind whom everybody else has to queue up as well.
locked_out AS MATERIALIZED (
    SELECT k.relation
    FROM pg_locks k
    JOIN pg_database d ON d.oid = k.database AND d.datname = current_database()
    WHERE k.locktype = 'relation' AND k.mode = 'AccessExclusiveLock'
)
