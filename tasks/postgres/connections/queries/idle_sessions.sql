-- idle_sessions
-- Sessions outside any transaction that have run nothing for a while, of the one application (within one role) that
-- holds most of them, the longest idle first. Never ours, a superuser's, or one that is no client's.
WITH idle AS (
    SELECT
        a.pid,
        a.backend_start,
        a.usename AS "user",
        a.application_name AS application,
        a.datname AS database,
        coalesce(host(a.client_addr), 'local') AS client,
        a.state,
        extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS idle_s
    FROM pg_stat_activity a
    JOIN pg_roles r ON r.oid = a.usesysid
    WHERE a.backend_type = 'client backend'
        AND a.state = 'idle'
        AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
        AND NOT r.rolsuper
        AND NOT r.rolreplication
        AND a.state_change <= clock_timestamp() - make_interval(secs => %(at_least_s)s)
), largest AS (
    SELECT "user", application
    FROM idle
    GROUP BY 1, 2
    ORDER BY count(*) DESC, max(idle_s) DESC, 1, 2
    LIMIT 1
)
SELECT idle.*
FROM idle
JOIN largest ON (idle."user", idle.application) = (largest."user", largest.application)
ORDER BY idle_s DESC, pid
