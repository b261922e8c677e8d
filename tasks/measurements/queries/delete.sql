WITH gone AS (DELETE FROM incident.{part} WHERE at < %(before)s RETURNING 1)
SELECT count(*) AS rows FROM gone
