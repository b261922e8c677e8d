-- Replication slots and the write-ahead log they make the server keep.
SELECT
    s.slot_name AS slot,
    s.slot_type AS type,
    s.plugin,
    s.database,
    s.active,
    s.temporary,
    coalesce((to_jsonb(s) ->> 'synced')::bool, false) AS synced,
    s.wal_status,
    s.safe_wal_size::float8 AS safe_bytes,
    s.restart_lsn::text AS restart_lsn,
    s.confirmed_flush_lsn::text AS confirmed_flush_lsn,
    to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason,
    -- Since 17.
    extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz)::float8 AS inactive_s,
    coalesce(greatest(pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, s.restart_lsn
    ), 0), 0)::float8 AS held_bytes,
    nullif(current_setting('max_slot_wal_keep_size'), '-1') AS keep_size
FROM pg_replication_slots s
ORDER BY held_bytes DESC, 1
