-- Of each running campaign's mails of a day, to how many it happened, and the median of that rate of the weeks before.
WITH mails AS MATERIALIZED (
    SELECT
        s.{sends.id} AS id,
        s.{sends.campaign} AS campaign,
        (s.{sends.sent_at}::timestamptz AT TIME ZONE %(time_zone)s)::date AS day
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
), happened AS MATERIALIZED (
    SELECT DISTINCT e.{events.send} AS id
    FROM {events} AS e
    WHERE e.{events.type} IN {events.types.{kind}} AND e.{events.at} >= %(since)s
), days AS (
    SELECT m.campaign, m.day, count(*) AS mails, count(h.id) AS reacted
    FROM mails AS m
    LEFT JOIN happened AS h ON h.id = m.id
    GROUP BY m.campaign, m.day
    HAVING count(*) >= %(least)s
)
SELECT
    c.{campaigns.id}::text AS campaign,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    last.mails,
    last.reacted,
    past.days,
    past.median
FROM {campaigns} AS c
JOIN days AS last ON last.campaign = c.{campaigns.id} AND last.day = %(day)s
JOIN LATERAL (
    SELECT
        count(*) AS days,
        percentile_cont(0.5) WITHIN GROUP (ORDER BY d.reacted::float8 / d.mails) AS median
    FROM days AS d
    WHERE d.campaign = last.campaign AND d.day < %(day)s
) AS past ON true
WHERE c.{campaigns.status} IN {campaigns.statuses.running}
ORDER BY last.reacted::float8 / last.mails / nullif(past.median, 0) NULLS LAST, 1
LIMIT 500
