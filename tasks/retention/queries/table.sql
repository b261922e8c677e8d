-- One table by its exact name, with its columns and what this role may do with it.
SELECT c.oid::bigint AS oid, format('%%I.%%I', n.nspname, c.relname) AS ident, c.relkind IN ('r', 'p') AS holds_rows,
    format('%%I.%%I', %(archive)s::text, c.relname) AS archive, greatest(c.reltuples, 0)::bigint AS estimated,
    (SELECT format('%%I.%%I', rn.nspname, r.relname) FROM pg_class r JOIN pg_namespace rn ON rn.oid = r.relnamespace
     WHERE r.oid = coalesce(pg_partition_root(c.oid), c.oid)) AS counted_as,
    (SELECT json_agg(json_build_object(
        'name', a.attname, 'ident', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod),
        'generated', a.attgenerated <> '', 'identity', a.attidentity <> '' OR a.atthasdef,
        'key', coalesce(a.attnum = ANY (i.indkey::int2[]), false)) ORDER BY a.attnum)
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    (SELECT json_agg(a.attname ORDER BY x.place)
     FROM unnest(i.indkey::int2[]) WITH ORDINALITY x (attnum, place)
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.attnum) AS key,
    has_table_privilege(c.oid, 'SELECT') AS readable, has_table_privilege(c.oid, 'DELETE') AS deletable,
    row_security_active(c.oid) AS filtered, current_user AS "user",
    EXISTS (SELECT FROM pg_namespace s WHERE s.nspname = %(archive)s AND has_schema_privilege(s.oid, 'CREATE, USAGE'))
        AS may_archive,
    (SELECT a.oid::bigint FROM pg_class a JOIN pg_namespace s ON s.oid = a.relnamespace
     WHERE s.nspname = %(archive)s AND a.relname = c.relname) AS archive_oid,
    (SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY a.attname)
     FROM pg_attribute a JOIN pg_class k ON k.oid = a.attrelid JOIN pg_namespace s ON s.oid = k.relnamespace
     WHERE s.nspname = %(archive)s AND k.relname = c.relname AND a.attnum > 0 AND NOT a.attisdropped) AS archive_columns
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
