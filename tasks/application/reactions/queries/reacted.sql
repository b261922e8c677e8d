-- Of each running campaign's mails between two instants, to how many it happened, whenever; those with fewer than so
-- many mails, too.
WITH mails AS MATERIALIZED (
    SELECT s.{sends.id} AS id, s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= %(since)s AND s.{sends.sent_at} < %(until)s
      AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
      AND c.{campaigns.status} IN {campaigns.statuses.running}
), happened AS MATERIALIZED (
    SELECT DISTINCT e.{events.send} AS id
    FROM {events} AS e
    -- Nobody reacts before it went out.
    WHERE e.{events.type} IN {events.types.{kind}} AND e.{events.at} >= %(since)s
), counted AS (
    SELECT m.campaign, count(*) AS mails, count(h.id) AS reacted
    FROM mails AS m
    LEFT JOIN happened AS h ON h.id = m.id
    GROUP BY m.campaign
)
SELECT
    c.{campaigns.id}::text AS campaign,
    [[left(c.{campaigns.name}::text, 100) AS name,]]
    n.mails,
    n.reacted
FROM counted AS n
JOIN {campaigns} AS c ON c.{campaigns.id} = n.campaign
ORDER BY n.reacted::float8 / n.mails DESC, c.{campaigns.id}
LIMIT 5000
