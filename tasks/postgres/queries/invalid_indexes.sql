-- Indexes that a broken-off CREATE INDEX CONCURRENTLY left behind: every write pays for them, no query may use them.
SELECT n.nspname AS schema, c.relname AS index, t.relname AS table, pg_relation_size(c.oid) AS bytes
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid
    -- A partitioned table's own index is invalid until the last partition has one.
    AND c.relkind = 'i'
    AND c.oid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
ORDER BY bytes DESC, 1, 2
