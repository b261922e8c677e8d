-- Each inbox, what it sent today, and what it sent in the seven days until now with what came back of that. Days are UTC.
WITH today AS (SELECT (now() AT TIME ZONE 'UTC')::date AS day)
SELECT
    i.{inboxes.id}::text AS id,
    i.{inboxes.address}::text AS address,
    i.{inboxes.status}::text AS status,
    i.{inboxes.status} IN {inboxes.statuses.active} AS active,
    i.{inboxes.status} IN {inboxes.statuses.paused} AS paused,
    i.{inboxes.daily_limit} AS daily_limit
    [[, today.day - i.{inboxes.warmup_from}::date AS warmed_days, i.{inboxes.warmup_from}::text AS warmup_from]]
    [[, today.day - i.{inboxes.created_at}::date AS age_days]]
    [[, i.{inboxes.paused_until}::text AS paused_until, i.{inboxes.paused_until} <= now() AS pause_over,
        (date_trunc('day', now()) + interval '7 days')::text AS in_seven_days]],
    coalesce(sum(d.{inbox_days.sent}) FILTER (WHERE d.{inbox_days.day}::date = today.day), 0) AS sent_today,
    coalesce(sum(d.{inbox_days.sent}), 0) AS sent,
    coalesce(sum(d.{inbox_days.bounced}), 0) AS bounced
    [[, coalesce(sum(d.{inbox_days.complained}), 0) AS complained]]
    [[, coalesce(sum(d.{inbox_days.replied}), 0) AS replied]]
FROM {inboxes} AS i
CROSS JOIN today
LEFT JOIN {inbox_days} AS d
    ON d.{inbox_days.inbox} = i.{inboxes.id} AND d.{inbox_days.day} > today.day - 7 AND d.{inbox_days.day} <= today.day
GROUP BY i.{inboxes.id}, i.{inboxes.address}, i.{inboxes.status}, i.{inboxes.daily_limit}, today.day
    [[, i.{inboxes.warmup_from}]] [[, i.{inboxes.created_at}]] [[, i.{inboxes.paused_until}]]
ORDER BY i.{inboxes.id}
LIMIT 5000
