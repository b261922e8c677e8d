-- Whole rows, as texts that can be written again.
SELECT {key} AS key, {hash} AS hash, {plain} AS plain
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
