-- Prospects that nobody has begun with for so long, the oldest first. The hour: the plan of a minute later is the same.
SELECT
    p.{prospects.id}::text AS key,
    p.{prospects.status}::text AS status,
    p.{prospects.changed_at}::text AS changed_at,
    date_trunc('hour', now())::text AS hour,
    count(*) OVER () AS total
FROM {prospects} AS p
WHERE p.{prospects.status} IN {prospects.statuses.new}
  AND p.{prospects.changed_at} <= now() - make_interval(secs => %(waited_s)s)
ORDER BY p.{prospects.changed_at}, p.{prospects.id}
LIMIT %(most)s
