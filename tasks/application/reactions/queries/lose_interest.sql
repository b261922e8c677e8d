-- Of the mails of nine days of the running campaign that has most of them, no opening and no click counts any more: they
-- happened long before. Told is when they did.
WITH busiest AS (
    SELECT s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= now() - interval '10 days' AND s.{sends.sent_at} <= now() - interval '1 day'
      AND c.{campaigns.status} IN {campaigns.statuses.running}
    GROUP BY 1
    ORDER BY count(*) DESC, 1
    LIMIT 1
), chosen AS (
    SELECT e.{events.id} AS id, e.{events.at} AS at, s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN busiest ON busiest.campaign = s.{sends.campaign}
    JOIN {events} AS e ON e.{events.send} = s.{sends.id}
    WHERE s.{sends.sent_at} >= now() - interval '10 days' AND s.{sends.sent_at} <= now() - interval '1 day'
      AND (e.{events.type} IN {events.types.open} OR e.{events.type} IN {events.types.click})
), changed AS (
    UPDATE {events} AS e
    SET {events.at} = chosen.at - interval '90 days'
    FROM chosen
    WHERE e.{events.id} = chosen.id
)
SELECT id::text, at::text, campaign::text FROM chosen
