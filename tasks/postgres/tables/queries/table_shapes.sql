-- What the tables of at least %(at_least)s bytes would need: their rows, and how wide each column is on average.
-- Widths come from pg_stats, which shows only what the asking role may read; `width` is null where it shows nothing.
-- One that is `locked` cannot be measured: its size is the server's own estimate.
WITH {locked_out},
sized AS MATERIALIZED (
    SELECT c.oid, c.oid IN (SELECT relation FROM locked_out) AS locked,
        CASE WHEN c.oid IN (SELECT relation FROM locked_out) THEN c.relpages * current_setting('block_size')::int8
            ELSE pg_relation_size(c.oid) END AS bytes
    FROM pg_class c
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
        -- What no ANALYZE has counted yet cannot be judged.
        AND c.reltuples >= 0 AND c.relpages > 0
),
large AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, z.bytes, z.locked,
        -- The counters follow every write, but not through a crash, and a session's may come in after VACUUM has set
        -- them. Of two counts the larger: rather some waste unsaid than a table called empty.
        greatest(c.reltuples, s.n_live_tup)::float8 AS rows,
        coalesce((SELECT o.option_value::int FROM pg_options_to_table(c.reloptions) o
            WHERE o.option_name = 'fillfactor'), 100) AS fillfactor
    FROM sized z
    JOIN pg_class c ON c.oid = z.oid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_user_tables s ON s.relid = c.oid
    WHERE z.bytes >= %(at_least)s
),
-- Read once: asked for column by column, this view alone would take longer than a question may.
widths AS MATERIALIZED (
    SELECT w.schemaname, w.tablename, w.attname, w.avg_width, w.null_frac
    FROM pg_stats w
    WHERE NOT w.inherited AND w.tablename IN (SELECT relname FROM large)
),
columns AS (
    SELECT l.oid, json_agg(json_build_object(
            'width', CASE WHEN a.attisdropped THEN 0 WHEN a.attlen > 0 THEN a.attlen ELSE w.avg_width END,
            'nulls', CASE WHEN a.attisdropped THEN 1 ELSE coalesce(w.null_frac, 0) END,
            'align', a.attalign, 'varies', a.attlen < 0) ORDER BY a.attnum) AS columns
    FROM large l
    JOIN pg_attribute a ON a.attrelid = l.oid AND a.attnum > 0
    LEFT JOIN widths w ON w.schemaname = l.nspname AND w.tablename = l.relname AND w.attname = a.attname
    GROUP BY l.oid
)
SELECT l.nspname AS schema, l.relname AS table, format('%%I.%%I', l.nspname, l.relname) AS ident, l.bytes AS size_bytes,
    l.locked, l.rows, l.fillfactor, current_setting('block_size')::int AS page_bytes, false AS deduplicates,
    1.0::float8 AS distinct_share, k.columns
FROM large l
LEFT JOIN columns k ON k.oid = l.oid
ORDER BY l.bytes DESC, 1, 2
