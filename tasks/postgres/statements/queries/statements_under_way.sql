-- Who executes one of the statements %(keys)s just now, and since when it has been waiting for a lock, if it is.
-- Through JSON, because before 14 there are no such columns, and a statement that names them would fail.
SELECT
    a.pid,
    a.query_start,
    to_jsonb(a) ->> 'query_id' AS key,
    a.wait_event_type IS NOT DISTINCT FROM 'Lock' AS waits,
    -- NULL for a moment after the wait began.
    coalesce((SELECT max(extract(epoch FROM clock_timestamp() - (to_jsonb(l) ->> 'waitstart')::timestamptz))
        FROM pg_locks l WHERE l.pid = a.pid AND NOT l.granted), 0)::float8 AS waited_s
FROM pg_stat_activity a
WHERE a.state = 'active' AND a.backend_type = 'client backend' AND to_jsonb(a) ->> 'query_id' = ANY (%(keys)s)
