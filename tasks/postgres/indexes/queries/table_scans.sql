-- How often each large table (at least %(at_least)s bytes) was read from end to end; the size of one that is locked is
-- the server's own estimate.
WITH {locked_out},
sized AS MATERIALIZED (
    SELECT s.*, CASE WHEN s.relid IN (SELECT relation FROM locked_out)
        THEN c.relpages * current_setting('block_size')::float8 ELSE pg_relation_size(s.relid) END AS bytes
    FROM pg_stat_user_tables s
    JOIN pg_class c ON c.oid = s.relid
)
SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.relname) AS table, s.relid::text AS key,
    coalesce(s.seq_scan, 0)::float8 AS scans, coalesce(s.idx_scan, 0)::float8 AS index_scans,
    s.bytes
FROM sized s
WHERE s.bytes >= %(at_least)s
ORDER BY scans DESC, 1
