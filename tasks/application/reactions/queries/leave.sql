-- Of the mails of three days of the running campaign that has most of them, this share was not opened but unsubscribed
-- from; told is what those events were.
WITH busiest AS (
    SELECT s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= now() - interval '70 hours' AND s.{sends.sent_at} <= now()
      AND c.{campaigns.status} IN {campaigns.statuses.running}
    GROUP BY 1
    ORDER BY count(*) DESC, 1
    LIMIT 1
), mails AS (
    SELECT s.{sends.id} AS id, s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN busiest ON busiest.campaign = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= now() - interval '70 hours' AND s.{sends.sent_at} <= now()
), chosen AS (
    SELECT e.{events.id} AS id, e.{events.type} AS type, mails.campaign
    FROM {events} AS e
    JOIN mails ON mails.id = e.{events.send}
    WHERE e.{events.type} IN {events.types.open}
    -- Spread over the days, and the same ones each time.
    ORDER BY md5(e.{events.id}::text)
    LIMIT (SELECT ceil(%(share)s * count(*)) FROM mails)
), changed AS (
    UPDATE {events} AS e SET {events.type} = %(unsubscribe)s FROM chosen WHERE e.{events.id} = chosen.id
)
SELECT id::text, type::text, campaign::text FROM chosen
