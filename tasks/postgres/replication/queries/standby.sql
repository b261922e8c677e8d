-- This server as a standby: how old is what it shows, and does it still hear from its primary?
SELECT
    pg_is_in_recovery() AS standby,
    pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() AS caught_up,
    EXISTS (SELECT FROM pg_stat_wal_receiver w WHERE w.pid IS NOT NULL) AS connected,
    -- An archive may be all it is fed from. Whoever may not read the setting takes it for a streaming standby.
    coalesce((SELECT c.setting <> '' FROM pg_settings c WHERE c.name = 'primary_conninfo'), true) AS streams,
    CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END AS paused,
    extract(epoch FROM current_setting('recovery_min_apply_delay')::interval)::float8 AS meant_s,
    extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 AS replayed_s,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
