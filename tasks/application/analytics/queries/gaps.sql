-- The days on which a campaign sent mails, and of which it has no figures, or not all of them.
SELECT
    sent.campaign::text AS campaign,
    sent.day::text AS day,
    sent.mails,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    f.{analytics.campaign} IS NOT NULL AS there,
    count(*) OVER (PARTITION BY sent.campaign) AS days,
    count(*) OVER () AS total{held}
FROM (
    SELECT
        s.{sends.campaign} AS campaign,
        (s.{sends.sent_at}::timestamptz AT TIME ZONE %(time_zone)s)::date AS day,
        count(*) AS mails
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
      [[AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE]]
    GROUP BY 1, 2
) AS sent
JOIN {campaigns} AS c ON c.{campaigns.id} = sent.campaign
LEFT JOIN {analytics} AS f ON f.{analytics.campaign} = sent.campaign AND f.{analytics.date} = sent.day
WHERE f.{analytics.campaign} IS NULL OR {incomplete}
ORDER BY days DESC, sent.campaign, sent.day
LIMIT %(most)s
