-- A function that planning %(statement)s might run: the planner computes what does not change, views, policies,
-- constraints, defaults, domains and index expressions of the tables it names included. Its owner chose the code, and it
-- would run as us.
-- Superusers' functions are left out: they need no detour. A name that only looks named is one too many, not too few.
WITH RECURSIVE others AS (
    SELECT p.oid, p.proname
    FROM pg_proc p
    JOIN pg_roles owner ON owner.oid = p.proowner AND NOT owner.rolsuper
    JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
    WHERE p.provolatile <> 'v' AND p.pronamespace <> 'pg_catalog'::regnamespace
),
reached (relation) AS (
    SELECT c.oid
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
        AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND position(lower(c.relname) IN lower(%(statement)s)) > 0
    UNION
    SELECT d.refobjid
    FROM reached r
    JOIN pg_rewrite w ON w.ev_class = r.relation
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
),
parts (class, object) AS (
    SELECT 'pg_rewrite'::regclass, w.oid FROM pg_rewrite w JOIN reached r ON r.relation = w.ev_class
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p JOIN reached r ON r.relation = p.polrelid
    UNION ALL
    SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k JOIN reached r ON r.relation = k.conrelid
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid FROM pg_attrdef d JOIN reached r ON r.relation = d.adrelid
    UNION ALL
    -- A NULL that stands for a value of a domain is checked.
    SELECT 'pg_constraint'::regclass, k.oid
    FROM pg_constraint k
    JOIN pg_type t ON t.oid = k.contypid
    WHERE position(lower(t.typname) IN lower(%(statement)s)) > 0
        OR EXISTS (SELECT FROM pg_attribute a JOIN reached r ON r.relation = a.attrelid WHERE a.atttypid = t.oid)
    UNION ALL
    SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN reached r ON r.relation = i.indrelid
),
run (function) AS (
    SELECT o.oid FROM others o WHERE position(lower(o.proname) IN lower(%(statement)s)) > 0
    UNION
    SELECT o.oid
    FROM parts p
    JOIN pg_depend d ON d.classid = p.class AND d.objid = p.object AND d.refclassid = 'pg_proc'::regclass
    JOIN others o ON o.oid = d.refobjid
    UNION
    SELECT o.oid
    FROM pg_operator s
    JOIN others o ON o.oid IN (s.oprcode, s.oprrest, s.oprjoin)
    -- IN, BETWEEN, LIKE and their kin stand for operators that they do not name.
    WHERE position(s.oprname IN %(statement)s) > 0 OR s.oprname ~ '^(=|<>|[<>]=?|!?~~?\*?)$'
    UNION
    SELECT o.oid FROM pg_cast c JOIN others o ON o.oid = c.castfunc
)
SELECT function::regprocedure::text AS function FROM run ORDER BY 1 LIMIT 1
