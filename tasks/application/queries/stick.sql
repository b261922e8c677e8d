-- The newest mails that went out become mails that have been due for two hours; told is what they were.
WITH chosen AS (
    SELECT
        s.{sends.id} AS id,
        s.{sends.status} AS status,
        s.{sends.scheduled_for} AS scheduled_for,
        s.{sends.sent_at} AS sent_at
    FROM {sends} AS s
    WHERE s.{sends.sent_at} <= now() AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
      [[AND s.{sends.bounce_type} IS NULL]]
      -- What has been opened went out, and would be seen to have.
      [[AND NOT EXISTS (SELECT FROM {events} AS e WHERE e.{events.send} = s.{sends.id})]]
    ORDER BY s.{sends.sent_at} DESC
    LIMIT %(mails)s
), changed AS (
    UPDATE {sends} AS s
    SET {sends.status} = %(queued)s, {sends.scheduled_for} = now() - interval '2 hours', {sends.sent_at} = NULL
    FROM chosen
    WHERE s.{sends.id} = chosen.id
)
SELECT id::text, status::text, scheduled_for::text, sent_at::text FROM chosen
