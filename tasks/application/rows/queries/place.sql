-- The table of events, where rows of it are kept aside, and what this role may do with both.
SELECT
    format('%%I.%%I', n.nspname, c.relname) AS relation,
    format('%%I.%%I', %(archive)s::text, %(aside)s::text) AS aside,
    greatest(c.reltuples, 0)::float8 AS estimated,
    c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid) AS plain,
    row_security_active(c.oid) AS filtered,
    current_user AS "user",
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE')
        AS may_move,
    format('GRANT SELECT, INSERT, DELETE ON %%I.%%I TO %%I;', n.nspname, c.relname, current_user) AS grant_move,
    EXISTS (SELECT FROM pg_namespace s WHERE s.nspname = %(archive)s AND has_schema_privilege(s.oid, 'CREATE, USAGE'))
        AS may_keep,
    format('CREATE SCHEMA IF NOT EXISTS %%1$I; GRANT CREATE, USAGE ON SCHEMA %%1$I TO %%2$I;',
           %(archive)s::text, current_user) AS grant_keep,
    own.all_columns,
    own.given_columns,
    kept.oid IS NOT NULL AS there,
    kept.oid IS NULL OR own.shape = (
        SELECT jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) FROM pg_attribute a
        WHERE a.attrelid = kept.oid AND a.attnum > 0 AND NOT a.attisdropped
    ) AS same_shape
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT
        string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS all_columns,
        string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attgenerated = '') AS given_columns,
        jsonb_object_agg(a.attname, format_type(a.atttypid, a.atttypmod)) AS shape
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS own
LEFT JOIN (pg_class AS kept JOIN pg_namespace AS kn ON kn.oid = kept.relnamespace AND kn.nspname = %(archive)s)
    ON kept.relname = %(aside)s
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
