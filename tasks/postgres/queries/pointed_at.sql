-- The foreign keys of one table, or, of a partition, of the tables above it: which rows of which tables must be there.
WITH above (oid) AS (
    SELECT %(table)s::regclass::oid
    UNION
    SELECT relid::oid FROM pg_partition_ancestors(%(table)s::regclass)
)
SELECT
    quote_ident(k.conname) AS name,
    format('%%I.%%I', n.nspname, p.relname) AS parent,
    CASE p.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || format('%%I.%%I', n.nspname, p.relname) AS parent_rows,
    (SELECT string_agg(
        format('p.%%I OPERATOR(%%I.%%s) c.%%I', pa.attname, m.nspname, o.oprname, ca.attname), ' AND ' ORDER BY x.place)
     FROM unnest(k.confkey, k.conkey, k.conpfeqop) WITH ORDINALITY x (parent, child, operator, place)
     JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.parent
     JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.child
     JOIN pg_operator o ON o.oid = x.operator
     JOIN pg_namespace m ON m.oid = o.oprnamespace) AS same,
    -- MATCH FULL lets no part be NULL alone; otherwise one NULL is enough to point at nothing.
    (SELECT string_agg(format('c.%%I IS NOT NULL', a.attname), CASE k.confmatchtype WHEN 'f' THEN ' OR ' ELSE ' AND ' END)
     FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS points,
    has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(p.oid, 'SELECT') AND NOT row_security_active(p.oid)
        AS readable,
    concat_ws(
        ' ',
        format('GRANT USAGE ON SCHEMA %%I TO %%I; GRANT SELECT ON %%I.%%I TO %%I;',
            n.nspname, current_user, n.nspname, p.relname, current_user),
        CASE WHEN row_security_active(p.oid) THEN format('ALTER ROLE %%I BYPASSRLS;', current_user) END
    ) AS grant_read
FROM pg_constraint k
JOIN above a ON a.oid = k.conrelid
JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
    -- Since 18 one may be declared and not enforced.
    AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
ORDER BY 1
