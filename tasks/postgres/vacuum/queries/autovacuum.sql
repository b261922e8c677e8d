-- Autovacuum's switches and workers.
SELECT
    current_setting('autovacuum')::bool AS on,
    current_setting('track_counts')::bool AS counts,
    current_setting('autovacuum_max_workers')::int AS most,
    pg_is_in_recovery() AS standby,
    (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'autovacuum worker')::int AS working,
    -- When the busiest are all taken, the youngest of them says for how long.
    (SELECT coalesce(min(extract(epoch FROM clock_timestamp() - a.backend_start)), 0)
        FROM pg_stat_activity a WHERE a.backend_type = 'autovacuum worker')::float8 AS youngest_s
