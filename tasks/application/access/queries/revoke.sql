-- These rows count no more from now on, as far as they still do; told is since when.
UPDATE {{part}} AS t
SET {{part}.revoked_at} = now()
FROM jsonb_populate_recordset(NULL::{{part}}, %(rows)s::jsonb) AS w
WHERE t.{{part}.id} = w.{{part}.id} AND t.{{part}.revoked_at} IS NULL
RETURNING t.{{part}.id}::text AS key, t.{{part}.revoked_at}::text AS revoked_at
