-- Mails that a sender took more than an hour ago and said nothing of, with no trace of having gone out; how many have one.
SELECT
    s.{sends.id}::text AS id,
    s.{sends.status}::text AS status,
    s.{sends.claimed_at}::text AS claimed_at,
    s.{sends.sent_at} IS NOT NULL
      [[OR s.{sends.message_id} IS NOT NULL]]
      [[OR EXISTS (SELECT FROM {events} AS e WHERE e.{events.send} = s.{sends.id})]] AS went_out
FROM {sends} AS s
WHERE s.{sends.status} IN {sends.statuses.claimed}
  AND s.{sends.claimed_at} < now() - make_interval(secs => %(longer_s)s)
ORDER BY s.{sends.claimed_at}, s.{sends.id}
LIMIT %(most)s
