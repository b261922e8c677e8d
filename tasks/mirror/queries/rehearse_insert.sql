-- Rows that the target has not, into its twin.
INSERT INTO {twin} ({columns})
SELECT {values}
FROM (SELECT e -> 'values' AS values FROM jsonb_array_elements(%(rows)s::jsonb) AS e) AS wanted
