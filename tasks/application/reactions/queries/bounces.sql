-- The mails that went out between two instants, and how many of them came back, by kind.
SELECT
    count(*) AS mails,
    [[count(*) FILTER (WHERE s.{sends.bounce_type} IN {sends.bounces.soft}) AS soft,]]
    [[count(*) FILTER (WHERE s.{sends.bounce_type} IN {sends.bounces.blocked}) AS blocked,]]
    count(*) FILTER (WHERE s.{sends.bounce_type} IN {sends.bounces.hard}) AS hard
FROM {sends} AS s
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
  AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
