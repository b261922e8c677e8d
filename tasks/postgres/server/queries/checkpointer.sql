-- Checkpoints by what caused them, since Postgres 17; on a standby its restartpoints.
WITH {counting}
SELECT
    concat_ws(' ', s.stats_reset, c.count) AS counting,
    (s.num_timed + s.restartpoints_timed)::float8 AS timed,
    (s.num_requested + s.restartpoints_req)::float8 AS requested,
    (s.write_time + s.sync_time) / 1000 AS busy_s,
    pg_size_bytes(current_setting('max_wal_size'))::float8 AS max_wal_bytes,
    extract(epoch FROM current_setting('checkpoint_timeout')::interval)::float8 AS timeout_s,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_stat_checkpointer s, counting c
