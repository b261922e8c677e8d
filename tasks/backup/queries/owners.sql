-- Whom everything belongs to that a dump holds. Without the schema public, which since 15 is the database owner's, and
-- without what an extension brings along.
SELECT kind || ' ' || name AS object, owner
FROM (
    SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
            WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
        format('%%I.%%I', n.nspname, c.relname) AS name, pg_get_userbyid(c.relowner) AS owner,
        'pg_class'::regclass AS of, c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'function', format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
        pg_get_userbyid(p.proowner), 'pg_proc'::regclass, p.oid
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    UNION ALL
    SELECT 'schema', format('%%I', n.nspname), pg_get_userbyid(n.nspowner), 'pg_namespace'::regclass, n.oid
    FROM pg_namespace n
    WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'public')
) AS objects
WHERE NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = objects.of AND d.objid = objects.oid AND d.deptype = 'e'
)
ORDER BY 1
