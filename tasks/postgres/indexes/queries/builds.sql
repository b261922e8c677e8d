-- Who works on indexes just now, how far it is, and whom it waits for: a row for each command and table.
WITH {at_work}
SELECT
    a.pid, a.application_name AS application, a.usename AS "user", a.backend_type,
    format('%%I.%%I', n.nspname, t.relname) AS table_ident,
    (SELECT string_agg(DISTINCT quote_ident(c.relname), ', ') FROM at_work w JOIN pg_class c ON c.oid = w.index_oid
        WHERE w.pid = a.pid AND w.relid = t.oid) AS indexes,
    coalesce(p.command, 'DROP INDEX CONCURRENTLY') AS command,
    coalesce(p.phase, 'waiting for transactions') AS phase,
    CASE WHEN p.phase LIKE 'building%%' OR p.phase LIKE '%%scanning table' THEN greatest(
        p.blocks_done::float8 / nullif(p.blocks_total, 0), p.tuples_done::float8 / nullif(p.tuples_total, 0)
    ) END AS of_phase,
    extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS for_s,
    b.pid AS waits_for, coalesce(nullif(b.application_name, ''), b.usename, b.backend_type) AS waits_for_name
FROM (SELECT DISTINCT pid, relid FROM at_work) w
JOIN pg_stat_activity a ON a.pid = w.pid
JOIN pg_class t ON t.oid = w.relid
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_stat_progress_create_index p ON p.pid = w.pid
LEFT JOIN pg_stat_activity b ON b.pid = (pg_blocking_pids(w.pid))[1]
ORDER BY a.query_start, a.pid, 5
