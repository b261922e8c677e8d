-- Rows that are still as they were seen.
UPDATE {relation} AS t SET {assignments}
FROM (
    SELECT e -> 'key' AS key, e ->> 'seen' AS seen, e -> 'values' AS values
    FROM jsonb_array_elements(%(rows)s::jsonb) AS e
) AS wanted
WHERE {match} AND {hash} = wanted.seen
RETURNING {key} AS key
