-- The schema of the extension that imagines indexes, if it is here and we may use it.
SELECT quote_ident(n.nspname) AS schema
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'hypopg' AND has_schema_privilege(n.oid, 'USAGE')
    -- A namesake of its functions, put beside them, could be called instead.
    AND NOT EXISTS (
        SELECT FROM pg_proc p
        WHERE p.pronamespace = n.oid AND p.proname LIKE 'hypopg%%' AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = e.oid
        )
    )
