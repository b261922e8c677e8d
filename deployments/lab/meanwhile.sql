-- While the lab was down its workflows went on, as it were: a lab of yesterday is no incident.
INSERT INTO workflow_executions (workflow_name, status, duration_ms, created_at)
SELECT last.workflow_name, 'success', (400 + random() * 900)::int, at
FROM (
    SELECT workflow_name, max(created_at) AS ran
    FROM workflow_executions
    WHERE workflow_name IN ('Lead Nurture - Message Scheduler', 'Lead Nurture - Email Sender')
    GROUP BY workflow_name
) AS last
CROSS JOIN generate_series(
    greatest(last.ran + interval '2 minutes', now() - interval '14 days'), now(), interval '2 minutes'
) AS at;

-- So did its inboxes: one mail in two hundred bounces, one in fifteen is answered.
INSERT INTO inbox_days (inbox_id, day, sent, bounced, complained, replied)
SELECT id, day, sent, sent / 200, 0, sent / 15
FROM (
    SELECT id, today - ago AS day, CASE WHEN id < 4 THEN 2600 + (ago * 37 % 90) ELSE 5 END AS sent
    FROM inboxes
    CROSS JOIN generate_series(1, 30) AS ago
    CROSS JOIN (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t
    WHERE id < 4 OR today - ago >= warmup_from
) AS d
ON CONFLICT DO NOTHING;
