SELECT {key} AS key, {hash} AS hash, {young} AS young
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
