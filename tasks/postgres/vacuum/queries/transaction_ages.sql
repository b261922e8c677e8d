-- How old the oldest row of each database is, in transactions and in multixacts, and when the numbers run out.
SELECT
    d.datname AS database,
    age(d.datfrozenxid)::float8 AS transactions,
    mxid_age(d.datminmxid)::float8 AS multixacts,
    current_setting('autovacuum_freeze_max_age')::float8 AS freeze_at,
    current_setting('autovacuum_multixact_freeze_max_age')::float8 AS multixact_freeze_at,
    -- Until 13 Postgres stopped a million before the end, since 14 three million.
    2147483648 - CASE WHEN current_setting('server_version_num')::int < 140000 THEN 1000000 ELSE 3000000 END::float8
        AS stops_at,
    pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS next,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_database d
ORDER BY greatest(age(d.datfrozenxid), mxid_age(d.datminmxid)) DESC, 1
