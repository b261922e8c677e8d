-- connection_slots
-- How many slots there are, who may have them, and who holds them. A walsender has slots of its own (max_wal_senders).
SELECT
    current_setting('max_connections')::int AS slots,
    current_setting('superuser_reserved_connections')::int AS for_superusers,
    -- Since 16.
    coalesce(current_setting('reserved_connections', true)::int, 0) AS for_reserved_roles,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS open_to_all,
    -- The questions we ask just now leave again.
    (
        SELECT count(*)
        FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND concat(usename, '/', application_name) <> ALL (%(asking)s)
    )::int AS taken
