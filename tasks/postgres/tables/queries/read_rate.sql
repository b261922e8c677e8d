-- How fast this database's blocks have come from disk or the system's cache, where the server measures it.
SELECT
    current_setting('track_io_timing')::bool AS measured,
    blks_read::float8 * current_setting('block_size')::int AS bytes,
    blk_read_time / 1000 AS seconds
FROM pg_stat_database
WHERE datname = current_database()
