-- Of each running campaign's mails between two instants, those that came back, by kind. A hard bounce counts while its
-- address is not marked: then it comes again.
SELECT
    c.{campaigns.id}::text AS campaign,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    count(*) AS mails,
    [[count(*) FILTER (WHERE s.{sends.bounce_type} IN {sends.bounces.soft}) AS soft,]]
    [[count(*) FILTER (WHERE s.{sends.bounce_type} IN {sends.bounces.blocked}) AS blocked,]]
    count(*) FILTER (
        WHERE s.{sends.bounce_type} IN {sends.bounces.hard}
        [[AND NOT EXISTS (
            SELECT FROM {leads} AS l
            WHERE l.{leads.id} = s.{sends.lead} AND l.{leads.status} IN {leads.statuses.invalid}
        )]]
    ) AS hard
FROM {sends} AS s
JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign}
WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
  AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
  AND c.{campaigns.status} IN {campaigns.statuses.running}
GROUP BY c.{campaigns.id}[[, c.{campaigns.name}]]
ORDER BY c.{campaigns.id}
LIMIT 5000
