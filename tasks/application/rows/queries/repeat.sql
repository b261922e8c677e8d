-- The newest openings come in once more, as if the provider had told them again under another id.
WITH newest AS (
    SELECT * FROM {events} AS e
    WHERE e.{events.at} >= now() - interval '6 days' AND e.{events.at} <= now()
      AND e.{events.type} IN {events.types.open}
    ORDER BY e.{events.at} DESC, e.{events.id}
    LIMIT %(events)s
), told AS (
    INSERT INTO {events} ({events.send}, {events.type}, {events.at}[[, {events.detail}]][[, {events.once}]])
    SELECT n.{events.send}, n.{events.type}, n.{events.at}[[, n.{events.detail}]]
        [[, md5('told again ' || n.{events.id}::text || now()::text || n.{events.once}::text)]]
    FROM newest AS n
    RETURNING {events.id} AS id
)
SELECT id::text FROM told
