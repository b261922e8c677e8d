-- Where a new table of ours goes: the first of %(own)s in which we may make one.
SELECT quote_ident(s.name) AS schema
FROM unnest(%(own)s::text[]) WITH ORDINALITY AS s (name, place)
WHERE s.name <> 'pg_catalog' AND has_schema_privilege(s.name, 'CREATE')
ORDER BY s.place
LIMIT 1
