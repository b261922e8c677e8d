-- How often each large table (at least %(at_least)s bytes) was read from end to end.
SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.relname) AS table, s.relid::text AS key,
    coalesce(s.seq_scan, 0)::float8 AS scans, coalesce(s.idx_scan, 0)::float8 AS index_scans,
    pg_relation_size(s.relid)::float8 AS bytes
FROM pg_stat_user_tables s
WHERE pg_relation_size(s.relid) >= %(at_least)s
ORDER BY scans DESC, 1
