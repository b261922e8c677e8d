-- Since when this server counts scans, as far as that is known, and whether replicas count their own.
SELECT
    extract(epoch FROM clock_timestamp() - coalesce(d.stats_reset, pg_postmaster_start_time()))::float8 AS counted_for_s,
    (SELECT count(*)::int FROM pg_stat_replication) AS replicas,
    d.stats_reset,
    pg_postmaster_start_time() AS server_start,
    current_database() AS database,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_stat_database d WHERE d.datname = current_database()
