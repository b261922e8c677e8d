-- Rows that are still as they were seen.
DELETE FROM {relation} AS t
USING (SELECT e -> 'key' AS key, e ->> 'seen' AS seen FROM jsonb_array_elements(%(rows)s::jsonb) AS e) AS wanted
WHERE {match} AND {hash} = wanted.seen
RETURNING {key} AS key
