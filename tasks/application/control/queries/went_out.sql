-- Mails that wait to be sent, or that a sender has taken, although something tells that they went out; what it is.
SELECT
    s.{sends.id}::text AS id,
    s.{sends.status}::text AS status,
    s.{sends.sent_at}::text AS sent_at
    [[, s.{sends.message_id}::text AS message_id]]
    [[, (SELECT string_agg(DISTINCT e.{events.type}::text, ', ') FROM {events} AS e WHERE e.{events.send} = s.{sends.id})
        AS events]],
    count(*) OVER () AS total
FROM {sends} AS s
WHERE (s.{sends.status} IN {sends.statuses.queued} [[OR s.{sends.status} IN {sends.statuses.claimed}]])
  AND (
      s.{sends.sent_at} IS NOT NULL
      [[OR s.{sends.message_id} IS NOT NULL]]
      [[OR EXISTS (SELECT FROM {events} AS e WHERE e.{events.send} = s.{sends.id})]]
  )
ORDER BY s.{sends.id}
LIMIT %(most)s
