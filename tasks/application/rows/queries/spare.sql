-- Of events that are there more than once since then, all but the one with the lowest key; and which that is. Never
-- those by which somebody must not be mailed.
WITH told AS (
    SELECT
        e.{events.id} AS id,
        first_value(e.{events.id}) OVER same AS keeps,
        e.{events.send} AS send,
        e.{events.type} AS type,
        e.{events.at} AS at
    FROM {events} AS e
    WHERE e.{events.at} >= %(since)s AND e.{events.send} IS NOT NULL
      AND (e.{events.type} IN {events.types.unsubscribe}) IS NOT TRUE
      AND (e.{events.type} IN {events.types.complaint}) IS NOT TRUE
    WINDOW same AS (
        PARTITION BY e.{events.send}, e.{events.type}, e.{events.at}[[, e.{events.detail}::text]]
        ORDER BY e.{events.id}
    )
)
SELECT
    id::text AS key,
    keeps::text,
    send::text,
    type::text,
    to_jsonb(at) #>> '{}' AS at,
    (count(*) OVER ())::bigint AS total
FROM told
WHERE id <> keeps
ORDER BY told.id
LIMIT %(most)s
