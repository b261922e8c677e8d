-- Where the rows with these keys lie.
SELECT {key} AS key, t.tableoid::bigint AS "table", t.ctid::text AS place
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
