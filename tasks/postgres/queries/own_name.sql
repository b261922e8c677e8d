-- A table, view or index by its name as people write it: without a schema, in the first of %(own)s that has it.
SELECT format('%%I.%%I', n.nspname, c.relname) AS ident
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = CASE WHEN cardinality(parse_ident(%(name)s)) > 1 THEN to_regclass(%(name)s) ELSE (
    SELECT f.relation
    FROM unnest(%(own)s::text[]) WITH ORDINALITY AS s (name, place)
    CROSS JOIN LATERAL to_regclass(quote_ident(s.name) || '.' || %(name)s) AS f (relation)
    WHERE f.relation IS NOT NULL
    ORDER BY s.place
    LIMIT 1
) END
