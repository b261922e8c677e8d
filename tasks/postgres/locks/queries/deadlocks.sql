-- How many deadlocks this database has counted, and since when.
WITH {counting}
SELECT
    d.datname AS database,
    d.deadlocks,
    c.count AS counting,
    c.began,
    extract(epoch FROM clock_timestamp())::float8 AS at_s,
    extract(epoch FROM clock_timestamp() - c.since)::float8 AS counted_for_s
FROM pg_stat_database d
JOIN counting c ON c.datid = d.datid
