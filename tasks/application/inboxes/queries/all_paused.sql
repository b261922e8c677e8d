-- Every inbox is paused, until an hour ago; told is what they were.
WITH chosen AS (
    SELECT i.{inboxes.id} AS id, i.{inboxes.status} AS status, i.{inboxes.paused_until} AS paused_until,
           i.{inboxes.daily_limit} AS daily_limit
    FROM {inboxes} AS i
), changed AS (
    UPDATE {inboxes} AS i
    SET {inboxes.status} = %(paused)s, {inboxes.paused_until} = now() - interval '1 hour'
    FROM chosen WHERE i.{inboxes.id} = chosen.id
)
SELECT id::text, status::text, paused_until::text, daily_limit::text FROM chosen
