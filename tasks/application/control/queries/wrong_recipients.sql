-- Mails that went out since then, and mails that are due within the hour, to leads that are not enrolled in the campaign.
WITH mails AS (
    SELECT s.{sends.campaign} AS campaign, s.{sends.lead} AS lead, true AS sent
    FROM {sends} AS s
    WHERE s.{sends.sent_at} > %(since)s AND s.{sends.sent_at} <= now()
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
    UNION ALL
    SELECT s.{sends.campaign}, s.{sends.lead}, false
    FROM {sends} AS s
    WHERE s.{sends.status} IN {sends.statuses.queued} AND s.{sends.scheduled_for} <= now() + interval '1 hour'
)
SELECT
    m.campaign::text AS campaign,
    count(*) FILTER (WHERE m.sent) AS sent,
    count(*) FILTER (WHERE NOT m.sent) AS waiting,
    count(DISTINCT m.lead) AS leads,
    (array_agg(DISTINCT m.lead::text))[1:5] AS for_example,
    sum(count(*) FILTER (WHERE m.sent)) OVER () AS all_sent,
    sum(count(*) FILTER (WHERE NOT m.sent)) OVER () AS all_waiting
FROM mails AS m
WHERE NOT EXISTS (
    SELECT FROM {enrolments} AS e
    WHERE e.{enrolments.lead} = m.lead AND e.{enrolments.campaign} = m.campaign
)
GROUP BY m.campaign
ORDER BY count(*) DESC, 1
LIMIT 20
