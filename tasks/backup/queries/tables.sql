-- Every table whose rows a dump holds, with what makes one text of a row: its columns by name, because a restored table
-- may have them in another order. Left out: what an extension brings along, foreign tables, temporary ones.
SELECT format('%%I.%%I', n.nspname, c.relname) AS ident,
    'ROW(' || coalesce((
        SELECT string_agg(format('t.%%I', a.attname), ', ' ORDER BY a.attname COLLATE "C")
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    ), '') || ')::text' AS row_text,
    has_table_privilege(c.oid, 'SELECT') AS readable
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1
