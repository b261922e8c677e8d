SELECT {key} AS key, {hash} AS hash, {canonical} AS canonical, {plain} AS plain
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
