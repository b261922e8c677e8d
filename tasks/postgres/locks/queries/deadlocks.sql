-- How many deadlocks this database has counted, and since when as far as that is known.
-- Since Postgres 15 the count survives a clean restart, and stats_reset is empty until somebody resets it.
SELECT
    datname AS database,
    deadlocks,
    stats_reset,
    pg_postmaster_start_time() AS server_start,
    extract(epoch FROM clock_timestamp())::float8 AS at_s,
    extract(epoch FROM clock_timestamp() - coalesce(stats_reset, pg_postmaster_start_time()))::float8 AS counted_for_s
FROM pg_stat_database
WHERE datname = current_database()
