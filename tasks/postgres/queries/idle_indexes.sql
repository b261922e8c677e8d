-- Indexes that answer no query (`reason` unused) or the same ones as another (`duplicate`), at least %(at_least)s bytes.
-- Left out: whatever enforces something (keys, unique, exclusion), replica identities, partitions' and system indexes.
WITH plain AS (
    SELECT i.*, c.relname, n.nspname, t.relname AS table_name, pg_relation_size(c.oid) AS bytes, c.relam,
        s.idx_scan, pg_get_indexdef(c.oid) AS definition,
        regexp_replace(pg_get_indexdef(c.oid), '^CREATE (UNIQUE )?INDEX .*? ON ', '') AS shape
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND NOT c.relispartition
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid
    WHERE i.indisvalid
),
droppable AS (
    SELECT * FROM plain p
    WHERE NOT p.indisunique AND NOT p.indisexclusion AND NOT p.indisreplident AND p.bytes >= %(at_least)s
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = p.indexrelid)
)
SELECT d.nspname AS schema, d.relname AS index, d.table_name AS table, d.bytes, d.idx_scan::float8 AS scans, d.definition,
    CASE WHEN o.relname IS NULL THEN 'unused' ELSE 'duplicate' END AS reason, o.relname AS same_as
FROM droppable d
LEFT JOIN LATERAL (
    SELECT p.relname FROM plain p
    WHERE p.indrelid = d.indrelid AND p.shape = d.shape AND p.indexrelid <> d.indexrelid
        -- Of two droppable ones the younger is named.
        AND (p.indexrelid < d.indexrelid OR p.indexrelid NOT IN (SELECT indexrelid FROM droppable))
    ORDER BY p.indexrelid LIMIT 1
) o ON true
WHERE o.relname IS NOT NULL OR d.idx_scan = 0
ORDER BY d.bytes DESC, 1, 2
