-- The unique indexes that keep this one column from holding a value twice, whether or not they are valid.
SELECT ic.relname AS name, i.indisvalid AND i.indisready AND i.indislive AS valid
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND a.attname = %(column)s
  AND i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL
ORDER BY 2 DESC, 1
