-- Mails that went out more than once since then: to one lead, of one campaign, for one moment.
SELECT
    s.{sends.lead}::text AS lead,
    s.{sends.campaign}::text AS campaign,
    s.{sends.scheduled_for} AS scheduled_for,
    count(*) AS times,
    (sum(count(*) - 1) OVER ())::bigint AS total
FROM {sends} AS s
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} <= now()
  AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE AND s.{sends.scheduled_for} IS NOT NULL
GROUP BY s.{sends.lead}, s.{sends.campaign}, s.{sends.scheduled_for}
HAVING count(*) > 1
ORDER BY 4 DESC, 1
LIMIT 20
