-- Where our own index build or VACUUM of this table is. `done` of `total` are of the phase; 13 to 18 share these columns.
SELECT p.command, p.phase, p.done, p.total, p.unit, p.index,
    extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS for_s,
    w.pid AS waits_for, coalesce(nullif(w.application_name, ''), w.usename) AS waits_for_name,
    extract(epoch FROM clock_timestamp() - w.xact_start)::float8 AS transaction_s
FROM (
    SELECT pid, relid, command, phase, nullif(current_locker_pid, 0) AS locker,
        (SELECT relname FROM pg_class WHERE oid = index_relid) AS index,
        CASE WHEN phase LIKE 'waiting%%' THEN lockers_done WHEN tuples_total > 0 THEN tuples_done ELSE blocks_done END
            AS done,
        CASE WHEN phase LIKE 'waiting%%' THEN lockers_total WHEN tuples_total > 0 THEN tuples_total
            ELSE blocks_total END AS total,
        CASE WHEN phase LIKE 'waiting%%' THEN 'transactions' WHEN tuples_total > 0 THEN 'rows' ELSE 'blocks' END AS unit
    FROM pg_stat_progress_create_index
    UNION ALL
    SELECT pid, relid, 'VACUUM', phase, NULL, NULL,
        CASE phase WHEN 'scanning heap' THEN heap_blks_scanned WHEN 'vacuuming heap' THEN heap_blks_vacuumed ELSE 0 END,
        CASE WHEN phase IN ('scanning heap', 'vacuuming heap') THEN heap_blks_total ELSE 0 END, 'blocks'
    FROM pg_stat_progress_vacuum
    UNION ALL
    SELECT pid, relid, command, phase, NULL, NULL, heap_blks_scanned, heap_blks_total, 'blocks'
    FROM pg_stat_progress_cluster
) p
JOIN pg_stat_activity a ON a.pid = p.pid AND concat(a.usename, '/', a.application_name) = ANY (%(ours)s) AND a.datname = current_database()
LEFT JOIN pg_stat_activity w ON w.pid = p.locker
WHERE p.relid = (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relname = %(table)s
)
