-- Every table and view of these schemas: its columns, those we may read, and those that a valid index begins with, of
-- all its rows or of some.
SELECT
    n.nspname AS schema,
    c.relname AS name,
    c.relkind IN ('r', 'p', 'm') AS indexable,
    greatest(c.reltuples, 0)::float8 AS rows,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
    ) AS columns,
    has_schema_privilege(n.oid, 'USAGE') AS schema_readable,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          AND has_column_privilege(c.oid, a.attnum, 'SELECT')
    ) AS readable,
    coalesce(led.whole, '{}') AS led,
    coalesce(led.partly, '{}') AS led_partly
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT
        array_agg(a.attname::text) FILTER (WHERE i.indpred IS NULL) AS whole,
        array_agg(a.attname::text) FILTER (WHERE i.indpred IS NOT NULL) AS partly
    FROM pg_index i
    JOIN pg_class ic ON ic.oid = i.indexrelid
    JOIN pg_am am ON am.oid = ic.relam
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisvalid AND am.amname IN ('btree', 'brin')
) AS led ON true
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname = ANY (%(schemas)s)
ORDER BY n.nspname, c.relname
LIMIT 2000
