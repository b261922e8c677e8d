-- Rows that the target still has not. Identities keep the source's numbers.
INSERT INTO {relation} AS t ({columns}) OVERRIDING SYSTEM VALUE
SELECT {values}
FROM (SELECT e -> 'key' AS key, e -> 'values' AS values FROM jsonb_array_elements(%(rows)s::jsonb) AS e) AS wanted
WHERE NOT EXISTS (SELECT FROM {relation} AS t WHERE {match})
RETURNING {key} AS key
