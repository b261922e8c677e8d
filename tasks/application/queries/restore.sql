-- Rows as they were.
UPDATE {{part}} AS t
SET {set}
FROM jsonb_populate_recordset(NULL::{{part}}, %(rows)s::jsonb) AS w
WHERE t.{{part}.id} = w.{{part}.id}
