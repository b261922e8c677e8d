-- The standbys and subscribers that stream from this server, and how far behind they are.
SELECT
    coalesce(nullif(r.application_name, ''), 'unnamed') AS replica,
    coalesce(host(r.client_addr), 'local') AS client,
    r.usename AS "user",
    r.state,
    r.sync_state,
    coalesce(extract(epoch FROM r.replay_lag), 0)::float8 AS told_s,
    greatest(pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, r.replay_lsn
    ), 0)::float8 AS behind_bytes,
    pg_wal_lsn_diff(r.replay_lsn, '0/0')::float8 AS replayed,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_stat_replication r
-- A base backup streams too, and is behind by nature.
WHERE r.state <> 'backup' AND r.replay_lsn IS NOT NULL
ORDER BY behind_bytes DESC, 1, 2
