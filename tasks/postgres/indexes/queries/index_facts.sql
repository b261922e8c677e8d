-- Everything that decides whether an index could be spared: all indexes of each plain table that has one of at least
-- %(at_least)s bytes; of each that has an invalid one, if %(only_invalid)s. Partitions and partitioned tables are left
-- out, for their indexes hang together: but for what was left behind on one partition alone.
-- First the tables: a definition costs the server more than anything else here, and it waits for whoever has locked the
-- index, as its size does; the tables in %(without)s are spared both.
WITH {at_work},
wanted AS MATERIALIZED (
    SELECT DISTINCT i.indrelid
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
    WHERE (NOT i.indisvalid OR NOT %(only_invalid)s) AND CASE WHEN i.indrelid <> ALL (%(without)s::oid[])
        THEN pg_relation_size(i.indexrelid) >= %(at_least)s END
),
-- What stands on an index: pg_constraint has no index on conindid, and would be read whole for each of ours.
constraints AS MATERIALIZED (
    SELECT conindid, min(conname) AS conname FROM pg_constraint WHERE conindid <> 0 GROUP BY conindid
),
indexes AS MATERIALIZED (
    SELECT i.*, c.relname, c.relam, c.reltablespace, c.oid AS index_oid, c.xmin AS index_xmin, n.nspname,
        t.relname AS table_name,
        pg_relation_size(c.oid) AS bytes, pg_get_indexdef(c.oid) AS definition,
        string_to_array(i.indkey::text, ' ') AS keys
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND NOT c.relispartition
    JOIN pg_class t ON t.oid = i.indrelid AND t.relkind IN ('r', 'm') AND t.relpersistence <> 't'
        AND (NOT t.relispartition OR NOT i.indisvalid)
    JOIN pg_namespace n ON n.oid = c.relnamespace
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_'
    WHERE i.indrelid IN (SELECT indrelid FROM wanted)
)
SELECT x.index_oid::bigint AS oid, x.nspname AS schema, x.table_name AS table, x.relname AS index, x.relname AS name,
    format('%%I.%%I', x.nspname, x.relname) AS ident, format('%%I.%%I', x.nspname, x.table_name) AS table_ident,
    format('DROP INDEX CONCURRENTLY %%I.%%I;', x.nspname, x.relname) AS drop_line,
    x.indrelid::bigint AS table_oid, x.bytes, coalesce(s.idx_scan, 0)::float8 AS scans,
    x.indisvalid AS valid, x.indisready AS ready, x.indisunique AS unique, x.definition,
    -- What it does, without its name.
    substr(x.definition, length(format('CREATE %%sINDEX %%I ON ', CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END,
        x.relname)) + 1) AS shape,
    m.amname AS method, x.keys, x.indnkeyatts::int AS key_columns,
    string_to_array(x.indclass::text, ' ') AS classes, string_to_array(x.indcollation::text, ' ') AS collations,
    string_to_array(x.indoption::text, ' ') AS options,
    x.indexprs IS NULL AND x.indpred IS NULL AS plain, x.indpred IS NOT NULL AS partial,
    k.conname AS constraint_of,
    CASE
        WHEN x.indisunique OR x.indisexclusion OR k.conname IS NOT NULL THEN 'it enforces a key or another constraint'
        WHEN x.indisreplident THEN 'it is the table''s replica identity'
        WHEN x.indisclustered THEN 'the table is kept in its order (CLUSTER)'
        WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = x.index_oid
            AND d.deptype = 'e') THEN 'it belongs to an extension'
        -- The definition does not tell it, so it could not be built again as it was.
        WHEN x.reltablespace <> 0 THEN 'it has a tablespace of its own'
    END AS bound,
    -- The foreign keys whose columns are its first ones: deleting what they refer to would read the whole table.
    (SELECT json_agg(f.conname ORDER BY f.conname) FROM pg_constraint f
        WHERE f.conrelid = x.indrelid AND f.contype = 'f' AND x.indpred IS NULL
            AND x.indnkeyatts >= cardinality(f.conkey)
            AND (SELECT array_agg(k ORDER BY k) FROM unnest(f.conkey) k)
                = (SELECT array_agg(k::int2 ORDER BY k::int2) FROM unnest(x.keys[1:cardinality(f.conkey)]) k)
    ) AS foreign_keys,
    obj_description(x.index_oid, 'pg_class') AS comment,
    -- How old it is Postgres keeps only where commits are timed.
    CASE WHEN current_setting('track_commit_timestamp')::bool THEN extract(epoch FROM clock_timestamp()
        - pg_xact_commit_timestamp(x.index_xmin))::float8 END AS built_ago_s,
    x.indrelid IN (SELECT w.relid FROM at_work w) AS being_built
FROM indexes x
JOIN pg_am m ON m.oid = x.relam
LEFT JOIN constraints k ON k.conindid = x.index_oid
LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = x.index_oid
ORDER BY x.bytes DESC, 2, 4
