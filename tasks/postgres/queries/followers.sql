-- The foreign keys that lead to one table, or, of a partition, to the tables above it; and what each does with the rows
-- that point at a row which goes or changes, in a session of ours.
WITH RECURSIVE above (oid) AS (
    SELECT %(table)s::oid
    UNION
    SELECT relid::oid FROM pg_partition_ancestors(%(table)s::oid)
),
family (root, oid) AS (
    SELECT k.oid, k.oid FROM pg_constraint k JOIN above a ON a.oid = k.confrelid
    WHERE k.contype = 'f' AND k.conparentid = 0
    UNION ALL
    SELECT f.root, k.oid FROM family f JOIN pg_constraint k ON k.conparentid = f.oid
)
SELECT
    quote_ident(k.conname) AS name,
    k.condeferrable AS deferrable,
    format('%%I.%%I', cn.nspname, c.relname) AS child,
    format('%%I.%%I', pn.nspname, p.relname) AS parent,
    -- Rows of tables that inherit, and are no partitions, are not looked at by a foreign key.
    CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || format('%%I.%%I', cn.nspname, c.relname) AS child_rows,
    CASE p.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || format('%%I.%%I', pn.nspname, p.relname) AS parent_rows,
    k.confdeltype::text AS on_delete,
    k.confupdtype::text AS on_update,
    -- Its own trigger may be switched off (DISABLE TRIGGER ALL), the whole session's too (session_replication_role).
    EXISTS (
        SELECT FROM family f JOIN pg_trigger t ON t.tgconstraint = f.oid
        WHERE f.root = k.oid AND t.tgtype & 8 <> 0 AND {fires t.tgenabled}
    ) AS enforced,
    (SELECT json_agg(a.attname ORDER BY x.place)
     FROM unnest(k.confkey) WITH ORDINALITY x (attnum, place)
     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.attnum) AS parent_names,
    (SELECT json_agg(a.attname ORDER BY x.place)
     FROM unnest(k.conkey) WITH ORDINALITY x (attnum, place)
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.attnum) AS child_names,
    -- As the foreign key itself compares, the parent's column first.
    (SELECT string_agg(
        format('p.%%I OPERATOR(%%I.%%s) c.%%I', pa.attname, n.nspname, o.oprname, ca.attname), ' AND ' ORDER BY x.place)
     FROM unnest(k.confkey, k.conkey, k.conpfeqop) WITH ORDINALITY x (parent, child, operator, place)
     JOIN pg_attribute pa ON pa.attrelid = k.confrelid AND pa.attnum = x.parent
     JOIN pg_attribute ca ON ca.attrelid = k.conrelid AND ca.attnum = x.child
     JOIN pg_operator o ON o.oid = x.operator
     JOIN pg_namespace n ON n.oid = o.oprnamespace) AS same,
    -- The columns that SET NULL and SET DEFAULT write when a row goes (since 15 they can be named).
    (SELECT json_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (s.columns)) AS set_names,
    EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (s.columns) AND a.attnotnull
    ) AS never_null,
    has_schema_privilege(cn.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
        AND has_schema_privilege(pn.oid, 'USAGE') AND has_table_privilege(p.oid, 'SELECT')
        AND NOT row_security_active(c.oid) AS readable,
    current_user AS "user",
    concat_ws(
        ' ',
        format('GRANT USAGE ON SCHEMA %%I TO %%I; GRANT SELECT ON %%I.%%I TO %%I;',
            cn.nspname, current_user, cn.nspname, c.relname, current_user),
        CASE WHEN NOT has_table_privilege(p.oid, 'SELECT')
            THEN format('GRANT SELECT ON %%I.%%I TO %%I;', pn.nspname, p.relname, current_user) END,
        CASE WHEN row_security_active(c.oid) THEN format('ALTER ROLE %%I BYPASSRLS;', current_user) END
    ) AS grant_read
FROM pg_constraint k
JOIN above v ON v.oid = k.confrelid
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace pn ON pn.oid = p.relnamespace
CROSS JOIN LATERAL (
    SELECT coalesce(
        (SELECT array_agg(j.attnum::int2)
         FROM jsonb_array_elements_text(nullif(to_jsonb(k) -> 'confdelsetcols', 'null')) j (attnum)),
        k.conkey) AS columns
) s
WHERE k.contype = 'f' AND k.conparentid = 0
ORDER BY child, k.conname
