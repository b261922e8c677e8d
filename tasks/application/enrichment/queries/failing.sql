-- Prospects that failed since then, and too often, the oldest first.
SELECT
    p.{prospects.id}::text AS key,
    p.{prospects.status}::text AS status,
    p.{prospects.changed_at}::text AS changed_at,
    date_trunc('hour', now())::text AS hour,
    [[left(p.{prospects.error}::text, 200) AS error,]]
    count(*) OVER () AS total
FROM {prospects} AS p
WHERE p.{prospects.status} IN {prospects.statuses.failed} AND p.{prospects.attempts} >= %(attempts)s
  AND p.{prospects.changed_at} >= %(since)s AND p.{prospects.changed_at} <= now()
ORDER BY p.{prospects.changed_at}, p.{prospects.id}
LIMIT %(most)s
