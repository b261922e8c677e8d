-- The named tables as this database knows them: names and types as the server itself writes them.
SELECT
    asked.name AS asked,
    quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS ident,
    c.relkind IN ('r', 'p') AS holds_rows,
    has_table_privilege(c.oid, 'SELECT') AS readable,
    has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE') AS writable,
    format('GRANT SELECT ON %%s TO %%I;', c.oid::regclass, current_user) AS grant_read,
    format('GRANT SELECT, INSERT, DELETE ON %%s TO %%I;', c.oid::regclass, current_user) AS grant_write,
    row_security_active(c.oid) AS filtered,
    format('ALTER ROLE %%I BYPASSRLS;', current_user) AS grant_sight,
    -- A generated column is computed again wherever the row arrives.
    (SELECT json_agg(json_build_object(
            'name', a.attname, 'ident', quote_ident(a.attname),
            -- -1 and not NULL: a type's own length would cut a longer tenant off, and find another one.
            'type', format_type(a.atttypid, a.atttypmod), 'compared_as', format_type(a.atttypid, -1),
            -- Numbers of large objects, which lie elsewhere, are kept so (oid, or the domain lo).
            'is_object', coalesce(nullif(y.typbasetype, 0), y.oid) = 'oid'::regtype,
            -- Of a type like citext, what it calls equal stands in its own schema.
            'equals', coalesce((
                SELECT format('OPERATOR(%%I.%%s)', n.nspname, o.oprname)
                FROM pg_opclass k
                JOIN pg_am m ON m.oid = k.opcmethod AND m.amname = 'btree'
                JOIN pg_amop p ON p.amopfamily = k.opcfamily AND p.amopstrategy = 3
                    AND p.amoplefttype = k.opcintype AND p.amoprighttype = k.opcintype
                JOIN pg_operator o ON o.oid = p.amopopr
                JOIN pg_namespace n ON n.oid = o.oprnamespace
                WHERE k.opcdefault AND k.opcintype = coalesce(nullif(y.typbasetype, 0), y.oid)
                    AND n.nspname <> 'pg_catalog'
            ), '='))
        ORDER BY a.attnum)
     FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    ) AS columns,
    (SELECT json_agg(a.attname ORDER BY k.place)
     FROM pg_index i
     CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (attnum, place)
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE i.indrelid = c.oid AND i.indisprimary) AS key
FROM unnest(%(names)s::text[]) WITH ORDINALITY asked (name, place)
-- A name without a schema is in the first of %(own)s that has it.
LEFT JOIN pg_class c ON c.oid = CASE WHEN cardinality(parse_ident(asked.name)) > 1 THEN to_regclass(asked.name) ELSE (
    SELECT f.relation
    FROM unnest(%(own)s::text[]) WITH ORDINALITY s (name, place)
    CROSS JOIN LATERAL to_regclass(quote_ident(s.name) || '.' || asked.name) f (relation)
    WHERE f.relation IS NOT NULL
    ORDER BY s.place
    LIMIT 1
) END
LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
ORDER BY asked.place
