-- How far the write-ahead log has come, as a number of bytes; on a standby, how far it is replayed.
SELECT
    current_setting('server_version_num')::int AS version_number,
    pg_is_in_recovery() AS standby,
    pg_postmaster_start_time()::text AS counting,
    pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0'
    )::float8 AS wal_bytes,
    (SELECT count(*) FROM pg_stat_replication WHERE state <> 'backup')::int AS replicas,
    current_setting('archive_mode') AS archive_mode,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
