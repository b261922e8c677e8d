-- Events of one mail, of one kind, at one moment, with one detail, that are there more than once since then. Those by
-- which somebody must not be mailed are counted apart.
WITH told AS (
    SELECT
        e.{events.send} AS send,
        e.{events.type}::text AS type,
        e.{events.at}::timestamptz AS at,
        count(*) AS times,
        (e.{events.type} IN {events.types.unsubscribe} OR e.{events.type} IN {events.types.complaint}) IS TRUE AS evidence
    FROM {events} AS e
    WHERE e.{events.at} >= %(since)s AND e.{events.send} IS NOT NULL
    GROUP BY e.{events.send}, e.{events.type}, e.{events.at}[[, e.{events.detail}::text]]
    HAVING count(*) > 1
)
SELECT
    send::text,
    type,
    at,
    times,
    coalesce((sum(times - 1) FILTER (WHERE NOT evidence) OVER ())::bigint, 0) AS spare,
    coalesce((sum(times - 1) FILTER (WHERE evidence) OVER ())::bigint, 0) AS evidence
FROM told
ORDER BY told.evidence, times DESC, at, send
LIMIT %(most)s
