-- Mails that wait to be sent, or that a sender has taken, from before a moment: whatever became of them since.
SELECT
    s.{sends.id}::text AS id,
    s.{sends.status}::text AS status,
    s.{sends.created_at}::text AS created_at,
    count(*) OVER () AS total
FROM {sends} AS s
WHERE (s.{sends.status} IN {sends.statuses.queued} [[OR s.{sends.status} IN {sends.statuses.claimed}]])
  AND s.{sends.created_at} <= %(before)s::timestamptz
ORDER BY s.{sends.id}
LIMIT %(most)s
