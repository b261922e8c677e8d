-- The schema of the extension that imagines indexes, if it is here and we may use it.
SELECT quote_ident(n.nspname) AS schema
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'hypopg' AND has_schema_privilege(n.oid, 'USAGE')
