-- The prospects that were enriched last are new again, since three days; told is what they were.
WITH chosen AS (
    SELECT
        p.{prospects.id}::text AS id,
        p.{prospects.status}::text AS status,
        p.{prospects.changed_at}::text AS changed_at
    FROM {prospects} AS p
    WHERE p.{prospects.status} IN {prospects.statuses.enriched}
    ORDER BY p.{prospects.changed_at} DESC, p.{prospects.id}
    LIMIT %(prospects)s
), changed AS (
    UPDATE {prospects} AS p
    SET {prospects.status} = %(status)s, {prospects.changed_at} = now() - interval '3 days'
    FROM chosen
    WHERE p.{prospects.id}::text = chosen.id
)
SELECT * FROM chosen
