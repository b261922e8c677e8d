-- What the connected role may see and do.
SELECT
    current_user AS "user",
    current_setting('server_version') AS version,
    current_setting('server_version_num')::int AS version_number,
    current_setting('transaction_read_only') = 'on' AS read_only,
    pg_is_in_recovery() AS standby,
    pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all,
    pg_has_role('pg_signal_backend', 'USAGE') AS signals,
    {grant 'pg_monitor'::regrole} AS grant_sight,
    {grant 'pg_signal_backend'::regrole} AS grant_signals
