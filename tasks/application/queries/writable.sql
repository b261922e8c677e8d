-- May the role that acts write these columns of a table, and is the table what it seems?
SELECT
    format('%%I.%%I', n.nspname, c.relname) AS relation,
    greatest(c.reltuples, 0)::float8 AS estimated,
    -- A rule, or a view, may do something else than is written.
    c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid) AS plain,
    pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
    row_security_active(c.oid) AS filtered,
    current_user AS "user",
    ARRAY(
        SELECT a.attname::text FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = ANY (%(columns)s) AND NOT has_column_privilege(c.oid, a.attnum, 'UPDATE')
    ) AS barred,
    format('GRANT SELECT, UPDATE ON %%I.%%I TO %%I;', n.nspname, c.relname, current_user) AS grant_write,
    format('ALTER ROLE %%I BYPASSRLS;', current_user) AS grant_sight
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
