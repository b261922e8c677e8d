-- Checkpoints by what caused them, up to Postgres 16; on a standby these are its restartpoints.
WITH {counting}
SELECT
    concat_ws(' ', s.stats_reset, c.count) AS counting,
    s.checkpoints_timed::float8 AS timed,
    s.checkpoints_req::float8 AS requested,
    (s.checkpoint_write_time + s.checkpoint_sync_time) / 1000 AS busy_s,
    pg_size_bytes(current_setting('max_wal_size'))::float8 AS max_wal_bytes,
    extract(epoch FROM current_setting('checkpoint_timeout')::interval)::float8 AS timeout_s,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_stat_bgwriter s, counting c
