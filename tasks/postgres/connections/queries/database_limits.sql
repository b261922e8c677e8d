-- database_limits
-- Databases with a connection limit and how much of it is used. -2 marks a database whose DROP broke off; a limit of 0
-- is a door closed on purpose.
SELECT
    d.datname AS name,
    d.datconnlimit AS "limit",
    count(a.pid)::int AS sessions,
    count(a.pid) FILTER (WHERE a.state = 'idle')::int AS idle
FROM pg_database d
LEFT JOIN pg_stat_activity a ON a.datid = d.oid AND a.backend_type = 'client backend'
    -- Our own leave with their questions.
    AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
WHERE d.datconnlimit > 0 AND d.datallowconn
GROUP BY d.datname, d.datconnlimit
ORDER BY count(a.pid)::float8 / d.datconnlimit DESC, 1
