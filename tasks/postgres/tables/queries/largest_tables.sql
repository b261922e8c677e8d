-- The largest tables of this database, with their indexes and out-of-line values; `bytes` is null of one that is locked.
-- Asked of the server's own estimate first: measuring every file of every table would take seconds.
WITH {locked_out},
pages AS (
    SELECT coalesce(i.indrelid, o.oid, c.oid) AS table_oid, sum(c.relpages) AS pages
    FROM pg_class c
    LEFT JOIN pg_index i ON i.indexrelid = c.oid
    LEFT JOIN pg_class o ON o.reltoastrelid = coalesce(i.indrelid, c.oid)
    WHERE c.relkind IN ('r', 'm', 't', 'i')
    GROUP BY 1
),
likely AS (
    SELECT c.oid, c.relname, n.nspname
    FROM pages p
    JOIN pg_class c ON c.oid = p.table_oid AND c.relkind IN ('r', 'm')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY p.pages DESC, c.oid
    LIMIT 20
),
reachable AS MATERIALIZED (
    SELECT l.*, EXISTS (
        SELECT FROM locked_out k
        -- Its indexes and its out-of-line values are measured with it.
        LEFT JOIN pg_index i ON i.indexrelid = k.relation
        LEFT JOIN pg_class o ON o.reltoastrelid = coalesce(i.indrelid, k.relation)
        WHERE l.oid IN (k.relation, i.indrelid, o.oid)
    ) AS locked
    FROM likely l
),
measured AS MATERIALIZED (
    SELECT r.*, CASE WHEN NOT r.locked THEN pg_total_relation_size(r.oid)::float8 END AS bytes,
        CASE WHEN NOT r.locked THEN pg_indexes_size(r.oid)::float8 END AS index_bytes
    FROM reachable r
),
ranked AS (
    SELECT m.*, row_number() OVER (PARTITION BY m.locked ORDER BY m.bytes DESC, m.nspname, m.relname) AS place
    FROM measured m
    -- Otherwise it was dropped just now.
    WHERE m.locked OR m.bytes IS NOT NULL
)
SELECT r.nspname AS schema, r.relname AS table, r.oid::text AS key, r.locked, r.bytes, r.index_bytes
FROM ranked r
WHERE r.place <= 5
ORDER BY r.locked, r.place
