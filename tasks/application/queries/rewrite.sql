-- Rows that still hold what was seen get their new values; told is what they hold then.
UPDATE {{part}} AS t
SET {set}
FROM jsonb_array_elements(%(rows)s::jsonb) AS e (change)
CROSS JOIN LATERAL jsonb_populate_record(NULL::{{part}}, e.change -> 'to') AS w
WHERE t.{{part}.id} = w.{{part}.id} AND {unchanged}
RETURNING t.{{part}.id}::text AS key, {held}
