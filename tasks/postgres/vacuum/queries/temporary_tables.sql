-- The temporary tables of this database whose oldest row is oldest: their sessions alone can freeze them.
SELECT
    'temporary table' AS kind,
    c.relname AS table,
    greatest(age(c.relfrozenxid), age(t.relfrozenxid))::float8 AS transactions,
    greatest(mxid_age(c.relminmxid), mxid_age(t.relminmxid))::float8 AS multixacts,
    o.rolname AS owner,
    s.pid,
    s.backend_start,
    s.usename AS "user",
    s.application_name AS application,
    s.datname AS database,
    s.backend_type,
    s.state,
    extract(epoch FROM clock_timestamp() - s.state_change)::float8 AS state_s,
    s.query
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles o ON o.oid = c.relowner
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
CROSS JOIN LATERAL (
    SELECT count(*) AS sessions, min(a.pid) AS pid
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.usesysid = c.relowner AND a.backend_type = 'client backend'
) owners
LEFT JOIN pg_stat_activity s ON s.pid = CASE
    -- Since 16 the number in the schema's name leads to the session.
    WHEN current_setting('server_version_num')::int >= 160000
        THEN pg_stat_get_backend_pid(substring(n.nspname FROM '[0-9]+$')::int)
    WHEN owners.sessions = 1 THEN owners.pid
END
WHERE c.relpersistence = 't' AND c.relkind = 'r' AND n.nspname LIKE 'pg\_temp\_%%'
ORDER BY greatest(age(c.relfrozenxid), age(t.relfrozenxid)) DESC, 2
LIMIT 5
