-- Is this index there, does it work, and what is it?
WITH {at_work}
SELECT n.nspname AS schema, c.relname AS name, t.relname AS table, i.indisvalid AS valid,
    pg_get_indexdef(c.oid) AS definition, pg_relation_size(c.oid) AS bytes,
    format('%%I.%%I', n.nspname, c.relname) AS ident,
    format('DROP INDEX CONCURRENTLY %%I.%%I;', n.nspname, c.relname) AS drop_line,
    pg_has_role(t.relowner, 'USAGE') AS may_drop,
    i.indisunique OR i.indisexclusion OR i.indisreplident
        OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) AS constrains,
    c.relispartition OR c.relkind = 'I' AS partitioned,
    {grant t.relowner} AS grant_owner,
    -- A rebuild of one index may leave others of the table invalid for a while.
    t.oid IN (SELECT w.relid FROM at_work w) AS being_built
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = i.indrelid
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
