-- Every object of the schema that a migration could change, with its definition: two looks, compared, tell what changed.
WITH ours AS (
    SELECT n.oid, n.nspname FROM pg_namespace n
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(temp|toast)'
),
-- What an extension brought changes with the extension.
brought AS (
    SELECT d.classid, d.objid FROM pg_depend d WHERE d.deptype = 'e'
)
SELECT
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
    format('%%I.%%I', o.nspname, c.relname) AS name,
    CASE WHEN c.relkind IN ('v', 'm') THEN md5(pg_get_viewdef(c.oid))
        ELSE concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.reloptions::text) END AS definition
FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_class'::regclass AND b.objid = c.oid)
UNION ALL
SELECT 'column', format('%%I.%%I.%%I', o.nspname, c.relname, a.attname),
    concat_ws(' ', format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'NOT NULL' END, a.attgenerated,
        a.attidentity, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN ours o ON o.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped
    AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_class'::regclass AND b.objid = c.oid)
UNION ALL
SELECT 'index', format('%%I.%%I', o.nspname, c.relname),
    concat_ws(' ', pg_get_indexdef(c.oid), CASE WHEN NOT i.indisvalid THEN 'INVALID' END)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN ours o ON o.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_class'::regclass AND b.objid = i.indrelid)
UNION ALL
SELECT 'constraint', format('%%I.%%I.%%I', o.nspname, c.relname, k.conname),
    concat_ws(' ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'NOT VALID' END)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN ours o ON o.oid = c.relnamespace
-- From 18 on NOT NULL is a constraint as well; it is told with its column.
WHERE k.contype <> 'n'
    AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_class'::regclass AND b.objid = c.oid)
UNION ALL
SELECT 'function', format('%%I.%%I(%%s)', o.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
    md5(concat_ws(' ', p.prosrc, p.proconfig::text, p.prosecdef, p.provolatile))
FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_proc'::regclass AND b.objid = p.oid)
UNION ALL
SELECT 'trigger', format('%%I.%%I.%%I', o.nspname, c.relname, t.tgname), md5(pg_get_triggerdef(t.oid) || t.tgenabled::text)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN ours o ON o.oid = c.relnamespace
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy', format('%%I.%%I.%%I', o.nspname, c.relname, p.polname),
    md5(concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::text, pg_get_expr(p.polqual, c.oid), pg_get_expr(p.polwithcheck, c.oid)))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN ours o ON o.oid = c.relnamespace
UNION ALL
SELECT 'type', format('%%I.%%I', o.nspname, t.typname),
    coalesce((SELECT string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
        format_type(t.typbasetype, t.typtypmod))
FROM pg_type t JOIN ours o ON o.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd')
    AND NOT EXISTS (SELECT FROM brought b WHERE b.classid = 'pg_type'::regclass AND b.objid = t.oid)
UNION ALL
SELECT 'schema', format('%%I', o.nspname), '' FROM ours o
UNION ALL
SELECT 'extension', format('%%I', e.extname), e.extversion FROM pg_extension e
ORDER BY 1, 2
