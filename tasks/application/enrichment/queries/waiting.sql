-- Prospects that are not enriched yet: how many of each kind, and since when the oldest waits.
SELECT
    count(*) AS waiting,
    count(*) FILTER (WHERE p.{prospects.status} IN {prospects.statuses.new}) AS new,
    extract(epoch FROM now() - min(p.{prospects.changed_at}))::float8 AS oldest_s
FROM {prospects} AS p
WHERE p.{prospects.status} IN {prospects.statuses.new} OR p.{prospects.status} IN {prospects.statuses.pending}
