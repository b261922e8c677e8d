-- What the mails of these days of these campaigns came to, counted by the mail: of those that went out, how many were
-- opened. A mail counts for the day on which it went out, whenever its reader reacted.
SELECT
    d.{analytics.campaign}::text AS campaign,
    d.{analytics.date}::text AS day,
    [[min(c.{campaigns.organization}::text) AS organization,]]
    [[count(*) FILTER (WHERE EXISTS (
        SELECT FROM {events} AS e
        WHERE e.{events.send} = s.{sends.id} AND e.{events.type} IN {events.types.open}
    )) AS opened,]]
    [[count(*) FILTER (WHERE EXISTS (
        SELECT FROM {events} AS e
        WHERE e.{events.send} = s.{sends.id} AND e.{events.type} IN {events.types.click}
    )) AS clicked,]]
    [[count(*) FILTER (WHERE EXISTS (
        SELECT FROM {events} AS e
        WHERE e.{events.send} = s.{sends.id} AND e.{events.type} IN {events.types.unsubscribe}
    )) AS unsubscribed,]]
    count(*) AS sent
FROM jsonb_populate_recordset(NULL::{analytics}, %(rows)s::jsonb) AS d
JOIN {campaigns} AS c ON c.{campaigns.id} = d.{analytics.campaign}
JOIN {sends} AS s ON s.{sends.campaign} = d.{analytics.campaign}
WHERE s.{sends.sent_at} >= d.{analytics.date}::timestamp AT TIME ZONE %(time_zone)s
  AND s.{sends.sent_at} < (d.{analytics.date}::date + 1)::timestamp AT TIME ZONE %(time_zone)s
  [[AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE]]
GROUP BY 1, 2
