-- The plain indexes on exactly this column, those that enforce nothing.
SELECT n.nspname AS schema, c.relname AS name, pg_get_indexdef(c.oid) AS definition, i.indisvalid AS valid
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] AND a.attname = %(column)s
WHERE i.indrelid = to_regclass(%(table)s) AND i.indnatts = 1 AND i.indpred IS NULL AND NOT i.indisunique
ORDER BY c.relname
