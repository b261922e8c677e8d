-- Of the mails of 24 hours of the running campaign that has most of them, this share comes back; told is what they were.
WITH busiest AS (
    SELECT s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN {campaigns} AS c ON c.{campaigns.id} = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= now() - interval '23 hours' AND s.{sends.sent_at} <= now()
      AND c.{campaigns.status} IN {campaigns.statuses.running}
    GROUP BY 1
    ORDER BY count(*) DESC, 1
    LIMIT 1
), mails AS (
    SELECT
        s.{sends.id} AS id,
        s.{sends.status} AS status,
        s.{sends.bounce_type} AS bounce_type,
        s.{sends.lead} AS lead,
        s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN busiest ON busiest.campaign = s.{sends.campaign}
    WHERE s.{sends.sent_at} >= now() - interval '23 hours' AND s.{sends.sent_at} <= now()
      AND s.{sends.bounce_type} IS NULL AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
), chosen AS (
    -- Spread over the day, and the same ones each time.
    SELECT * FROM mails ORDER BY md5(id::text) LIMIT (SELECT ceil(%(share)s * count(*)) FROM mails)
), changed AS (
    UPDATE {sends} AS s
    SET {sends.status} = %(bounced)s, {sends.bounce_type} = %(kind)s
    FROM chosen
    WHERE s.{sends.id} = chosen.id
)
SELECT id::text, status::text, bounce_type::text, lead::text, campaign::text FROM chosen
