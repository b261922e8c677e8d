-- The tables whose rows a dump holds, as tables.sql names them.
SELECT format('%%I.%%I', n.nspname, c.relname) AS ident
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
