-- What became of the prospects that were tried since then.
SELECT
    count(*) FILTER (WHERE p.{prospects.status} IN {prospects.statuses.enriched}) AS enriched,
    count(*) FILTER (WHERE p.{prospects.status} IN {prospects.statuses.failed}) AS failed
FROM {prospects} AS p
WHERE p.{prospects.changed_at} >= %(since)s AND p.{prospects.changed_at} <= now()
  AND (p.{prospects.status} IN {prospects.statuses.enriched} OR p.{prospects.status} IN {prospects.statuses.failed})
