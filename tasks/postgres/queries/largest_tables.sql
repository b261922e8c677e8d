-- The largest tables of this database, with their indexes and out-of-line values.
-- Asked of the server's own estimate first: measuring every file of every table would take seconds.
WITH pages AS (
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
-- Materialised, so that nothing is measured before it is known whether it can be: measuring waits for whoever has
-- locked the table out of everybody's reach.
reachable AS MATERIALIZED (
    SELECT l.*
    FROM likely l
    WHERE NOT EXISTS (
        SELECT FROM pg_locks k WHERE k.relation = l.oid AND k.mode = 'AccessExclusiveLock' AND k.granted
    )
),
measured AS MATERIALIZED (
    SELECT r.*, pg_total_relation_size(r.oid)::float8 AS bytes, pg_indexes_size(r.oid)::float8 AS index_bytes
    FROM reachable r
)
SELECT m.nspname AS schema, m.relname AS table, m.oid::text AS key, m.bytes, m.index_bytes
FROM measured m
-- NULL when it was dropped just now.
WHERE m.bytes IS NOT NULL
ORDER BY m.bytes DESC, 1, 2
LIMIT 5
