-- role_limits
-- Roles with a connection limit and how much of it is used. A superuser's limit does not count, and a limit of 0 is a
-- door closed on purpose.
SELECT
    r.rolname AS name,
    r.rolconnlimit AS "limit",
    count(a.pid)::int AS sessions,
    count(a.pid) FILTER (WHERE a.state = 'idle')::int AS idle
FROM pg_roles r
LEFT JOIN pg_stat_activity a ON a.usesysid = r.oid AND a.backend_type = 'client backend'
    -- Our own leave with their questions.
    AND concat(a.usename, '/', a.application_name) <> ALL (%(ours)s)
WHERE r.rolconnlimit > 0 AND r.rolcanlogin AND NOT r.rolsuper
GROUP BY r.rolname, r.rolconnlimit
ORDER BY count(a.pid)::float8 / r.rolconnlimit DESC, 1
