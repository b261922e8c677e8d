-- What the B-tree indexes of at least %(at_least)s bytes would need: their entries, and how wide each column is.
-- Widths come from pg_stats, which shows only what the asking role may read; `width` is null where it shows nothing.
-- One that is `locked` cannot be measured: its size is the server's own estimate.
WITH {locked_out},
sized AS MATERIALIZED (
    SELECT c.oid, c.oid IN (SELECT relation FROM locked_out) AS locked,
        CASE WHEN c.oid IN (SELECT relation FROM locked_out) THEN c.relpages * current_setting('block_size')::int8
            ELSE pg_relation_size(c.oid) END AS bytes
    FROM pg_class c
    JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
    WHERE c.relkind = 'i' AND c.relpersistence <> 't' AND c.reltuples >= 0
),
large AS MATERIALIZED (
    SELECT i.*, c.oid AS index_oid, c.relname, t.relname AS table_name, n.nspname, z.bytes, z.locked,
        c.reloptions,
        -- As in table_shapes.sql; a partial index is counted by VACUUM and ANALYZE alone.
        CASE WHEN i.indpred IS NULL THEN greatest(t.reltuples, s.n_live_tup) ELSE c.reltuples END::float8 AS rows
    FROM sized z
    JOIN pg_class c ON c.oid = z.oid
    JOIN pg_index i ON i.indexrelid = c.oid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_user_tables s ON s.relid = i.indrelid
    WHERE i.indisvalid AND t.relpages > 0 AND t.reltuples >= 0 AND z.bytes >= %(at_least)s
),
-- Read once, as in table_shapes.sql. An expression has statistics of its own, filed under the index.
widths AS MATERIALIZED (
    SELECT w.schemaname, w.tablename, w.attname, w.avg_width, w.null_frac, w.n_distinct
    FROM pg_stats w
    WHERE NOT w.inherited AND w.tablename IN (SELECT relname FROM large UNION SELECT table_name FROM large)
),
columns AS (
    SELECT l.index_oid, json_agg(json_build_object(
            'width', CASE WHEN a.attlen > 0 THEN a.attlen ELSE w.avg_width END, 'nulls', coalesce(w.null_frac, 0),
            'align', a.attalign, 'varies', a.attlen < 0) ORDER BY a.attnum) AS columns,
        -- Of several columns as if each were independent of the others: at most as many keys as rows.
        least(1, exp(sum(ln(greatest(1, CASE WHEN w.n_distinct < 0 THEN -w.n_distinct * greatest(l.rows, 1)
            ELSE coalesce(nullif(w.n_distinct, 0), l.rows) END)))) / greatest(max(l.rows), 1)) AS distinct_share
    FROM large l
    JOIN pg_attribute a ON a.attrelid = l.index_oid AND a.attnum > 0
    LEFT JOIN pg_attribute base ON base.attrelid = l.indrelid AND base.attnum = l.indkey[a.attnum - 1]
        AND base.attnum <> 0
    LEFT JOIN widths w ON w.schemaname = l.nspname
        AND w.tablename = CASE WHEN base.attname IS NULL THEN l.relname ELSE l.table_name END
        AND w.attname = coalesce(base.attname, a.attname)
    GROUP BY l.index_oid
)
SELECT l.nspname AS schema, l.table_name AS table, l.relname AS index, format('%%I.%%I', l.nspname, l.relname) AS ident,
    l.bytes AS size_bytes, l.locked, l.rows, current_setting('block_size')::int AS page_bytes,
    coalesce((SELECT o.option_value::int FROM pg_options_to_table(l.reloptions) o WHERE o.option_name = 'fillfactor'),
        90) AS fillfactor,
    -- Equal keys are stored once, if equal means the same bytes (support function 4) and nothing rides along.
    l.indnatts = l.indnkeyatts
        AND coalesce((SELECT o.option_value::bool FROM pg_options_to_table(l.reloptions) o
            WHERE o.option_name = 'deduplicate_items'), true)
        AND NOT EXISTS (
            SELECT FROM unnest(l.indclass) AS key (opclass)
            JOIN pg_opclass oc ON oc.oid = key.opclass
            WHERE NOT EXISTS (SELECT FROM pg_amproc p WHERE p.amprocfamily = oc.opcfamily AND p.amprocnum = 4
                AND p.amproclefttype = oc.opcintype AND p.amprocrighttype = oc.opcintype))
        AND NOT EXISTS (SELECT FROM unnest(l.indcollation) AS key (collation_oid)
            JOIN pg_collation o ON o.oid = key.collation_oid WHERE NOT o.collisdeterministic) AS deduplicates,
    k.columns, CASE WHEN l.indisunique THEN 1.0 ELSE k.distinct_share END::float8 AS distinct_share
FROM large l
JOIN columns k ON k.index_oid = l.index_oid
ORDER BY l.bytes DESC, 1, 3
