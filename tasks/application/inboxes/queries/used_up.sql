-- No inbox may send a mail today; told is what they might.
WITH chosen AS (
    SELECT i.{inboxes.id} AS id, i.{inboxes.status} AS status, i.{inboxes.paused_until} AS paused_until,
           i.{inboxes.daily_limit} AS daily_limit
    FROM {inboxes} AS i
), changed AS (
    UPDATE {inboxes} AS i SET {inboxes.daily_limit} = 0 FROM chosen WHERE i.{inboxes.id} = chosen.id
)
SELECT id::text, status::text, paused_until::text, daily_limit::text FROM chosen
