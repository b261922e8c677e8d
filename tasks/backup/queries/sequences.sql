-- How far each sequence has come; none where it gave no number yet, or where we may not see it.
SELECT format('%%I.%%I', s.schemaname, s.sequencename) AS ident, s.last_value::text AS last, s.increment_by > 0 AS rises
FROM pg_sequences s
JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
WHERE NOT s.cycle AND s.schemaname !~ '^pg_' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY 1
