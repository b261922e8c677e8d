-- All mails of eleven days to so many leads come back, softly: to those that got three or more, and still get some.
WITH leads AS (
    SELECT s.{sends.lead} AS lead
    FROM {sends} AS s
    WHERE s.{sends.sent_at} >= now() - interval '11 days' AND s.{sends.sent_at} <= now()
      AND s.{sends.bounce_type} IS NULL AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
      AND EXISTS (
          SELECT FROM {enrolments} AS e
          WHERE e.{enrolments.lead} = s.{sends.lead} AND e.{enrolments.status} IN {enrolments.statuses.active}
      )
    GROUP BY 1
    HAVING count(*) >= %(times)s
    ORDER BY 1
    LIMIT %(leads)s
), chosen AS (
    SELECT
        s.{sends.id} AS id,
        s.{sends.status} AS status,
        s.{sends.bounce_type} AS bounce_type,
        s.{sends.lead} AS lead,
        s.{sends.campaign} AS campaign
    FROM {sends} AS s
    JOIN leads ON leads.lead = s.{sends.lead}
    WHERE s.{sends.sent_at} >= now() - interval '11 days' AND s.{sends.sent_at} <= now()
      AND s.{sends.bounce_type} IS NULL AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
), changed AS (
    UPDATE {sends} AS s
    SET {sends.status} = %(bounced)s, {sends.bounce_type} = %(kind)s
    FROM chosen
    WHERE s.{sends.id} = chosen.id
)
SELECT id::text, status::text, bounce_type::text, lead::text, campaign::text FROM chosen
