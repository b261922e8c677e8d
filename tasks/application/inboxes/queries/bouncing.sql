-- A tenth of what the busiest inbox sent in the last week bounced; told is what did.
WITH busiest AS (
    SELECT d.{inbox_days.inbox} AS inbox
    FROM {inbox_days} AS d
    WHERE d.{inbox_days.day} > (now() AT TIME ZONE 'UTC')::date - 7
    GROUP BY d.{inbox_days.inbox}
    ORDER BY sum(d.{inbox_days.sent}) DESC, 1
    LIMIT 1
), chosen AS (
    SELECT d.{inbox_days.inbox} AS inbox, d.{inbox_days.day} AS day, d.{inbox_days.bounced} AS bounced
    FROM {inbox_days} AS d
    JOIN busiest ON busiest.inbox = d.{inbox_days.inbox}
    WHERE d.{inbox_days.day} > (now() AT TIME ZONE 'UTC')::date - 7
), changed AS (
    UPDATE {inbox_days} AS d
    SET {inbox_days.bounced} = d.{inbox_days.sent} / 10 + 1
    FROM chosen
    WHERE d.{inbox_days.inbox} = chosen.inbox AND d.{inbox_days.day} = chosen.day
)
SELECT inbox::text, day::text, bounced::text FROM chosen
