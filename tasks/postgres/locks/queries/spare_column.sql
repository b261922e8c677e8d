-- A column that can be set to itself: no key, nothing the server computes.
SELECT quote_ident(a.attname) AS column
FROM pg_attribute a
WHERE a.attrelid = to_regclass(%(table)s)
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND a.attidentity = ''
    AND a.attgenerated = ''
    AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY (i.indkey))
ORDER BY a.attnum
LIMIT 1
