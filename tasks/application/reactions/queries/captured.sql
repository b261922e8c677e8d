-- Of the addresses that were taken in since then: how many are none by their form, and how many came back for good.
SELECT
    count(*) AS leads,
    count(*) FILTER (WHERE NOT (
        length(l.{leads.email}::text) <= 254
        AND l.{leads.email}::text ~ '^[^@[:space:]]+@[^@[:space:].]+[.][^@[:space:]]*[^@[:space:].]$'
    )) AS malformed,
    count(*) FILTER (WHERE EXISTS (
        SELECT FROM {sends} AS s
        WHERE s.{sends.lead} = l.{leads.id} AND s.{sends.bounce_type} IN {sends.bounces.hard}
    )) AS bounced
FROM {leads} AS l
WHERE l.{leads.created_at} >= %(since)s AND l.{leads.email} IS NOT NULL
