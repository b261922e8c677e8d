-- Since when these rows count no more; none: they count. And whose they are.
SELECT t.{{part}.id}::text AS key, t.{{part}.revoked_at}::text AS revoked_at [[, t.{{part}.{whose}}::text AS account]]
FROM jsonb_populate_recordset(NULL::{{part}}, %(rows)s::jsonb) AS w
JOIN {{part}} AS t ON t.{{part}.id} = w.{{part}.id}
