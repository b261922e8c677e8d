-- slot_holders
-- Who holds the slots: by role, application, database, client and state, and how long the longest has been in it.
SELECT
    usename AS "user",
    application_name AS application,
    datname AS database,
    coalesce(host(client_addr), 'local') AS client,
    coalesce(state, 'starting') AS state,
    count(*)::int AS sessions,
    coalesce(extract(epoch FROM max(clock_timestamp() - state_change)), 0)::float8 AS longest_s,
    coalesce(extract(epoch FROM min(clock_timestamp() - state_change)), 0)::float8 AS shortest_s
FROM pg_stat_activity
WHERE backend_type = 'client backend' AND concat(usename, '/', application_name) <> ALL (%(asking)s)
GROUP BY 1, 2, 3, 4, 5
ORDER BY sessions DESC, longest_s DESC, 1, 2, 3, 4, 5
LIMIT %(most)s
