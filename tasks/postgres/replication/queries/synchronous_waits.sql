-- Sessions whose COMMIT waits for a synchronous standby, the longest first. Of a statement that commits by itself nobody
-- knows when it came to that: since its start at most.
SELECT
    a.pid,
    a.usename AS "user",
    a.application_name AS application,
    coalesce(host(a.client_addr), 'local') AS client,
    a.datname AS database,
    a.backend_type,
    a.query,
    extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS waited_s,
    current_setting('synchronous_standby_names') AS standby_names,
    -- Those that are named and connected.
    (
        SELECT string_agg(format('%%s (%%s)', r.application_name, r.state), ', ' ORDER BY r.application_name)
        FROM pg_stat_replication r
        WHERE r.sync_state IN ('sync', 'quorum', 'potential')
    ) AS connected
FROM pg_stat_activity a
WHERE a.wait_event = 'SyncRep' AND a.query_start <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
ORDER BY a.query_start, a.pid
