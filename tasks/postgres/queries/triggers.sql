-- What people made to happen when rows of a table are written, in a session of ours: triggers, and rules. What those do
-- is their own: a trigger's function may mail, or write elsewhere.
WITH RECURSIVE tree (oid) AS (
    SELECT %(table)s::regclass::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
)
SELECT
    t.tgname AS name,
    format('%%I.%%I', n.nspname, c.relname) AS on,
    format('%%I.%%I', pn.nspname, p.proname) || '()' AS runs,
    CASE WHEN t.tgtype & 2 <> 0 THEN 'before' WHEN t.tgtype & 64 <> 0 THEN 'instead of' ELSE 'after' END AS moment,
    t.tgtype & 1 <> 0 AS each_row,
    t.tgqual IS NOT NULL AS conditional,
    false AS is_rule
FROM tree
JOIN pg_trigger t ON t.tgrelid = tree.oid
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace pn ON pn.oid = p.pronamespace
WHERE t.tgtype & CASE %(event)s WHEN 'insert' THEN 4 WHEN 'delete' THEN 8 ELSE 16 END <> 0
    -- Before 15, a partition's copy of a trigger is called the server's own.
    AND (NOT t.tgisinternal OR (t.tgparentid <> 0 AND t.tgconstraint = 0))
    -- One that a partition has from its parent is told once.
    AND NOT EXISTS (SELECT FROM tree above JOIN pg_trigger u ON u.tgrelid = above.oid WHERE u.oid = t.tgparentid)
    -- One for each statement fires for the table that the statement names.
    AND (t.tgtype & 1 <> 0 OR t.tgrelid = %(table)s::regclass)
    AND {fires t.tgenabled}
    -- UPDATE OF: where one of the columns is written, or one that is computed from others.
    AND (%(event)s <> 'update' OR cardinality(t.tgattr::int2[]) = 0 OR EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr::int2[])
            AND (a.attgenerated <> '' OR a.attname = ANY (%(columns)s::text[]))
    ))
UNION ALL
SELECT r.rulename, %(table)s::text, 'a rule', 'instead of', true, r.ev_qual::text <> '<>', true
FROM pg_rewrite r
WHERE r.ev_class = %(table)s::regclass AND {fires r.ev_enabled}
    AND r.ev_type = CASE %(event)s WHEN 'insert' THEN '3'::"char" WHEN 'delete' THEN '4' ELSE '2' END
ORDER BY 1
