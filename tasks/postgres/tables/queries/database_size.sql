-- How large this database is on disk.
SELECT
    d.datname AS database,
    d.oid::text AS counting,
    pg_database_size(d.oid)::float8 AS bytes,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM pg_database d
WHERE d.datname = current_database()
