-- Why prospects failed since then, the most frequent first.
SELECT left(p.{prospects.error}::text, 200) AS error, count(*) AS prospects
FROM {prospects} AS p
WHERE p.{prospects.changed_at} >= %(since)s AND p.{prospects.changed_at} <= now()
  AND p.{prospects.status} IN {prospects.statuses.failed}
GROUP BY 1
ORDER BY 2 DESC, 1
LIMIT 5
