-- What a rebuild of these tables or indexes would read and write, whose right it is, and which file each is in now.
SELECT
    format('%%I.%%I', n.nspname, c.relname) AS ident,
    n.nspname AS schema,
    t.relname AS table,
    c.relname AS name,
    format('%%I.%%I', tn.nspname, t.relname) AS table_ident,
    pg_relation_filenode(c.oid)::text AS file,
    pg_relation_size(c.oid)::float8 AS bytes,
    pg_relation_size(t.oid)::float8 AS table_bytes,
    coalesce(pg_total_relation_size(nullif(t.reltoastrelid, 0)), 0)::float8 AS toast_bytes,
    pg_indexes_size(t.oid)::float8 AS indexes_bytes,
    -- REINDEX CONCURRENTLY refuses the index of an exclusion constraint.
    coalesce(i.indisexclusion, false) AS excludes,
    pg_has_role(t.relowner, 'USAGE') OR EXISTS (
        SELECT FROM pg_roles r WHERE r.rolname = 'pg_maintain' AND pg_has_role(r.oid, 'USAGE')
    ) AS may_maintain,
    {grant t.relowner} AS grant_owner
FROM unnest(%(idents)s::text[]) WITH ORDINALITY asked (ident, place)
JOIN pg_class c ON c.oid = to_regclass(asked.ident)
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = coalesce(i.indrelid, c.oid)
JOIN pg_namespace tn ON tn.oid = t.relnamespace
ORDER BY asked.place
