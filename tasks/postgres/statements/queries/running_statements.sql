-- Statements that have been running for at least %(at_least_s)s seconds now, the longest first.
-- Those that wait for a lock are not running: locks/queries/lock_waits.sql has them, and whoever they wait for.
SELECT
    a.pid,
    a.backend_start,
    a.query_start,
    a.usename AS "user",
    coalesce(r.rolsuper, false) AS superuser,
    a.application_name AS application,
    coalesce(host(a.client_addr), 'local') AS client,
    a.datname AS database,
    a.state,
    a.query,
    extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS running_s,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s,
    coalesce(a.wait_event_type || ': ' || a.wait_event, 'CPU') AS busy_with
FROM pg_stat_activity a
LEFT JOIN pg_roles r ON r.oid = a.usesysid
WHERE a.backend_type = 'client backend'
    AND a.state = 'active'
    AND a.query_start <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
    AND a.wait_event_type IS DISTINCT FROM 'Lock'
    -- Committed already, and waiting for a standby: replication/queries/synchronous_waits.sql.
    AND a.wait_event IS DISTINCT FROM 'SyncRep'
    AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
    AND a.application_name NOT IN ('pg_dump', 'pg_dumpall', 'pg_restore', 'pg_basebackup')
    -- What an application asks. Maintenance, COPY, CALL and schema changes take as long as they take.
    AND a.query ~* '^(\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|insert|update|delete|merge|values|table|execute|fetch|explain)\y'
ORDER BY a.query_start, a.pid
