-- Rows to be looked at: the beginning of each value, and a hash that tells whether the rest differs.
SELECT {key} AS key, {beginnings} AS beginnings, {marks} AS marks
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
