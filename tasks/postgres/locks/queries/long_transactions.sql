-- Transactions open for at least %(at_least_s)s seconds, the oldest first. A prepared one has no session, and nobody
-- knows when it began: counted is since it was prepared.
SELECT
    a.pid,
    a.backend_start,
    a.usename AS "user",
    a.application_name AS application,
    coalesce(host(a.client_addr), 'local') AS client,
    a.datname AS database,
    a.state,
    a.query,
    NULL AS gid,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s
FROM pg_stat_activity a
WHERE a.backend_type = 'client backend'
    AND a.xact_start <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
    AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
    -- Committed already: check_synchronous_commits has it.
    AND a.wait_event IS DISTINCT FROM 'SyncRep'
    -- A dump reads everything in one transaction, and takes as long as it takes.
    AND a.application_name NOT IN ('pg_dump', 'pg_dumpall')
    -- Maintenance that reports its progress is meant to be slow.
    AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_vacuum)
    AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_create_index)
    AND a.pid NOT IN (SELECT pid FROM pg_stat_progress_cluster)
UNION ALL
SELECT
    NULL, NULL, p.owner, '', NULL, p.database, 'prepared', NULL, p.gid,
    extract(epoch FROM clock_timestamp() - p.prepared)::float8
FROM pg_prepared_xacts p
WHERE p.prepared <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
ORDER BY transaction_s DESC
