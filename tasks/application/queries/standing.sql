-- What these rows hold now.
SELECT t.{{part}.id}::text AS key, {held}
FROM jsonb_populate_recordset(NULL::{{part}}, %(rows)s::jsonb) AS w
JOIN {{part}} AS t ON t.{{part}.id} = w.{{part}.id}
