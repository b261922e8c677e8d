-- What stands where an index on this column would go, and who may put it there.
SELECT
    t.relkind IN ('p') OR t.relispartition AS partitioned,
    t.relpersistence = 't' AS temporary,
    greatest(t.reltuples, 0)::float8 AS rows,
    pg_relation_size(t.oid) AS table_bytes,
    -- The shape of the index, as index_shapes.sql tells it of one that is there.
    current_setting('block_size')::int AS page_bytes, 90 AS fillfactor,
    json_build_array(json_build_object('width', CASE WHEN a.attlen > 0 THEN a.attlen ELSE w.avg_width END,
        'nulls', coalesce(w.null_frac, 0), 'align', a.attalign, 'varies', a.attlen < 0)) AS columns,
    CASE WHEN w.n_distinct < 0 THEN -w.n_distinct WHEN w.n_distinct > 0 AND t.reltuples > 0
        THEN least(1, w.n_distinct / t.reltuples) ELSE 1 END::float8 AS distinct_share,
    EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
            JOIN pg_amproc p ON p.amprocfamily = o.opcfamily AND p.amprocnum = 4 AND p.amproclefttype = o.opcintype
            WHERE o.opcdefault AND o.opcintype
                = CASE a.atttypid WHEN 'varchar'::regtype THEN 'text'::regtype ELSE a.atttypid END)
        AND NOT EXISTS (SELECT FROM pg_collation o WHERE o.oid = a.attcollation AND NOT o.collisdeterministic)
        AS deduplicates,
    CASE WHEN w.n_distinct < 0 THEN -w.n_distinct * greatest(t.reltuples, 0) ELSE coalesce(w.n_distinct, 0) END::float8
        AS distinct_values,
    (SELECT count(*)::int FROM pg_class o JOIN pg_namespace p ON p.oid = o.relnamespace
      WHERE o.relname = t.relname AND o.relkind IN ('r', 'p', 'v', 'm')
        AND p.nspname NOT IN ('pg_catalog', 'information_schema') AND p.nspname !~ '^pg_(temp|toast)') AS namesakes,
    (SELECT count(*)::int FROM pg_class o JOIN pg_namespace p ON p.oid = o.relnamespace
      WHERE o.relkind = 'r' AND p.nspname NOT IN ('pg_catalog', 'information_schema')) AS tables,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indisvalid AND i.indpred IS NULL
        AND i.indkey[0] = a.attnum) AS indexed,
    pg_has_role(t.relowner, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE') AS may_index,
    {grant t.relowner} AS grant_owner,
    x.there AS name_taken,
    x.valid AS name_valid,
    x.definition
FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = %(column)s AND NOT a.attisdropped
LEFT JOIN pg_stats w ON w.schemaname = n.nspname AND w.tablename = t.relname AND w.attname = a.attname
    AND NOT w.inherited
LEFT JOIN LATERAL (
    SELECT true AS there, i.indrelid = t.oid AND i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition
    FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
    WHERE c.relnamespace = n.oid AND c.relname = %(name)s
) x ON true
WHERE n.nspname = %(schema)s AND t.relname = %(table)s
