-- Of each running campaign, the first day of these on which it sent mails and after which it has no figures.
SELECT * FROM (
    SELECT
        c.{campaigns.id}::text AS campaign,
        [[left(c.{campaigns.name}::text, 100) AS name,]]
        a.newest::text AS newest,
        sent.first::text AS missing_from,
        %(yesterday)s::date - sent.first + 1 AS days,
        count(*) OVER () AS running
    FROM {campaigns} AS c
    CROSS JOIN LATERAL (
        SELECT max(f.{analytics.date})::date AS newest
        FROM {analytics} AS f
        WHERE f.{analytics.campaign} = c.{campaigns.id}
    ) AS a
    CROSS JOIN LATERAL (
        SELECT (min(s.{sends.sent_at})::timestamptz AT TIME ZONE %(time_zone)s)::date AS first
        FROM {sends} AS s
        WHERE s.{sends.campaign} = c.{campaigns.id}
          AND s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
          -- From the first midnight of which nothing is known.
          AND s.{sends.sent_at}
              >= coalesce((a.newest + 1)::timestamp AT TIME ZONE %(time_zone)s, '-infinity'::timestamptz)
    ) AS sent
    WHERE c.{campaigns.status} IN {campaigns.statuses.running}
) AS running
ORDER BY days DESC NULLS LAST, 1
LIMIT 1000
