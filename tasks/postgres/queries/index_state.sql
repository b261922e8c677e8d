-- Is this index there, does it work, and what is it?
SELECT i.indisvalid AS valid, pg_get_indexdef(c.oid) AS definition, pg_relation_size(c.oid) AS bytes, t.relname AS table,
    pg_has_role(t.relowner, 'USAGE') AS may_drop,
    EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) AS constrains,
    format('GRANT %%I TO %%I;', pg_get_userbyid(t.relowner), current_user) AS grant_owner,
    EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS being_built
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indexrelid = c.oid
JOIN pg_class t ON t.oid = i.indrelid
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
