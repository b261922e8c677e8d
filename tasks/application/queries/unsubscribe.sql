-- Of the mails that went out three, four and five days ago, this share was not opened but unsubscribed from.
WITH mails AS (
    SELECT s.{sends.id} AS id
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= now() - interval '5 days' AND s.{sends.sent_at} < now() - interval '2 days'
), chosen AS (
    SELECT e.{events.id} AS id, e.{events.type} AS type
    FROM {events} AS e
    JOIN mails ON mails.id = e.{events.send}
    WHERE e.{events.type} IN {events.types.open}
    -- Spread over the days, and the same ones each time.
    ORDER BY md5(e.{events.id}::text)
    LIMIT (SELECT ceil(%(share)s * count(*)) FROM mails)
), changed AS (
    UPDATE {events} AS e SET {events.type} = %(unsubscribe)s FROM chosen WHERE e.{events.id} = chosen.id
)
SELECT id::text, type::text FROM chosen
