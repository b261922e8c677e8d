-- Rows that will be gone: the beginning of each of their values.
SELECT {key} AS key, {whole} AS beginnings
FROM jsonb_array_elements(%(keys)s::jsonb) AS wanted(key)
JOIN {relation} AS t ON {match}
