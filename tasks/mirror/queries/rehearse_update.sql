-- Rows of the target as they would be, into its twin.
INSERT INTO {twin} ({every})
SELECT {updated}
FROM (SELECT e -> 'key' AS key, e -> 'values' AS values FROM jsonb_array_elements(%(rows)s::jsonb) AS e) AS wanted
JOIN {relation} AS t ON {match}
