-- Sessions that opened a transaction and have said nothing for at least %(at_least_s)s seconds, the longest first.
SELECT
    a.pid,
    a.backend_start,
    a.usename AS "user",
    a.application_name AS application,
    coalesce(host(a.client_addr), 'local') AS client,
    a.datname AS database,
    a.state,
    a.query,
    extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS idle_s,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS transaction_s
FROM pg_stat_activity a
WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')
    AND a.state_change <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
    AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
ORDER BY a.state_change
