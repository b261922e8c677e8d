-- The columns of one table, each with the text in which equal values are equal wherever they are stored: numbers
-- without their scale, -0 as 0, JSON without the scale of its numbers, moments in UTC (see postgres/beginning.py).
SELECT a.attname AS name,
       format('%%I', a.attname) AS quoted,
       family,
       format(CASE
                  WHEN base.name IN ('numeric', 'money') THEN 'trim_scale(t.%%1$I::numeric)::text'
                  WHEN family = 'float' THEN 'CASE WHEN t.%%1$I = 0 THEN ''0'' ELSE t.%%1$I::float8::text END'
                  WHEN family = 'json' THEN
                      'CASE WHEN position(''.'' in t.%%1$I::jsonb::text) = 0 THEN t.%%1$I::jsonb::text ELSE '
                      || trimmed.numbers || ' END'
                  WHEN family = 'array' THEN trimmed.numbers
                  ELSE 't.%%1$I::text'
              END, a.attname) AS canonical,
       -- -1: without a length, so that a text too long for its column is refused, not cut.
       format_type(a.atttypid, -1) AS type,
       a.attgenerated <> '' AS generated,
       -- A number that the store gives itself: an INSERT may bring another, an UPDATE may not.
       a.attidentity = 'a' AS always,
       -- Of a type like citext, what it calls equal stands in its own schema.
       coalesce((SELECT format('OPERATOR(%%I.%%s)', q.nspname, o.oprname)
                 FROM pg_opclass AS k
                 JOIN pg_am AS m ON m.oid = k.opcmethod AND m.amname = 'btree'
                 JOIN pg_amop AS p ON p.amopfamily = k.opcfamily AND p.amopstrategy = 3
                      AND p.amoplefttype = k.opcintype AND p.amoprighttype = k.opcintype
                 JOIN pg_operator AS o ON o.oid = p.amopopr
                 JOIN pg_namespace AS q ON q.oid = o.oprnamespace
                 WHERE k.opcdefault AND k.opcintype = base.oid AND q.nspname <> 'pg_catalog'), '=') AS equals
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
CROSS JOIN LATERAL (
    WITH RECURSIVE under AS (
        SELECT t.oid, t.typbasetype, t.typtype, t.typname, t.typcategory FROM pg_type AS t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typbasetype, t.typtype, t.typname, t.typcategory
        FROM under JOIN pg_type AS t ON t.oid = under.typbasetype
        WHERE under.typtype = 'd'
    )
    SELECT oid, typname AS name, typtype AS kind, typcategory AS category FROM under WHERE typtype <> 'd'
) AS base
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN base.name IN ('int2', 'int4', 'int8', 'numeric', 'money') THEN 'number'
        WHEN base.name IN ('float4', 'float8') THEN 'float'
        WHEN base.name IN ('json', 'jsonb') THEN 'json'
        WHEN base.category = 'A' OR base.kind = 'c' THEN 'array'
        WHEN base.category = 'S' OR base.kind = 'e' OR base.name IN ('uuid', 'char') THEN 'text'
        ELSE base.name::text
    END AS family
) AS f
CROSS JOIN LATERAL (
    -- A string is kept as it is; a number loses the zeros at the end of its fraction.
    SELECT CASE WHEN family = 'array' THEN 'regexp_replace(to_jsonb(t.%%1$I)::text, '
                ELSE 'regexp_replace(t.%%1$I::jsonb::text, ' END
        || '''("(?:[^"\\]|\\.)*")|(-?\d+)\.0+(?!\d)|(-?\d+\.\d*[1-9])0+(?!\d)'', ''\1\2\3'', ''g'')' AS numbers
) AS trimmed
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY a.attname COLLATE "C"
