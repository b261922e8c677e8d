-- Since when this server counts scans, how that count began, and which others count their own.
WITH {counting}
SELECT
    extract(epoch FROM clock_timestamp() - c.since)::float8 AS counted_for_s,
    c.began,
    c.count AS counting,
    (SELECT count(*)::int FROM pg_stat_replication) AS replicas,
    pg_is_in_recovery() AS standby,
    current_database() AS database,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM counting c
