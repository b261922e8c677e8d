-- The newest mails that went out are due now, each for a lead that is not enrolled in its campaign; told is what they were.
WITH chosen AS (
    SELECT
        s.{sends.id} AS id,
        s.{sends.lead} AS lead,
        s.{sends.campaign} AS campaign,
        s.{sends.status} AS status,
        s.{sends.scheduled_for} AS scheduled_for,
        s.{sends.sent_at} AS sent_at
    FROM {sends} AS s
    WHERE s.{sends.sent_at} <= now() AND (s.{sends.status} IN {sends.statuses.failed}) IS NOT TRUE
      [[AND s.{sends.bounce_type} IS NULL]]
    ORDER BY s.{sends.sent_at} DESC
    LIMIT %(mails)s
), wrong AS (
    SELECT chosen.id, stranger.id AS lead
    FROM chosen
    CROSS JOIN LATERAL (
        SELECT l.{leads.id} AS id
        FROM {leads} AS l
        WHERE NOT EXISTS (
            SELECT FROM {enrolments} AS e
            WHERE e.{enrolments.lead} = l.{leads.id} AND e.{enrolments.campaign} = chosen.campaign
        )
        ORDER BY l.{leads.id}
        LIMIT 1
    ) AS stranger
), changed AS (
    UPDATE {sends} AS s
    SET {sends.lead} = wrong.lead, {sends.status} = %(queued)s, {sends.scheduled_for} = now(), {sends.sent_at} = NULL
    FROM wrong
    WHERE s.{sends.id} = wrong.id
)
SELECT
    chosen.id::text, chosen.lead::text, chosen.status::text, chosen.scheduled_for::text, chosen.sent_at::text
FROM chosen
JOIN wrong ON wrong.id = chosen.id
