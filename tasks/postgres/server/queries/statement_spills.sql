-- The statements of this database that wrote most temporary blocks since they are counted.
SELECT
    s.queryid::text AS key,
    sum(s.temp_blks_written)::float8 * current_setting('block_size')::float8 AS temp_bytes,
    sum(s.calls)::float8 AS calls,
    min(s.query) AS query
FROM {schema}.pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND s.queryid IS NOT NULL
GROUP BY s.queryid
HAVING sum(s.temp_blks_written) > 0
ORDER BY 2 DESC, 1
LIMIT 20
