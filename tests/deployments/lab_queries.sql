-- What runbooks ask of an application's database, as operators wrote it down. The lab must answer all of it unchanged.

SELECT
  COUNT(*) as emails_sent,
  COUNT(*) FILTER (WHERE send_status = 'sent') as successful,
  COUNT(*) FILTER (WHERE send_status = 'failed') as failed,
  ROUND(AVG(EXTRACT(EPOCH FROM (actual_send_time - scheduled_send_time)))) as avg_delay_seconds
FROM email_sends
WHERE DATE(created_at) = CURRENT_DATE - 1;

SELECT
  COUNT(*) as active_enrollments,
  COUNT(*) FILTER (WHERE next_send_at <= NOW()) as overdue,
  COUNT(*) FILTER (WHERE next_send_at <= NOW() + INTERVAL '1 hour') as due_soon
FROM lead_campaign_enrollments
WHERE status = 'active';

SELECT
  workflow_name,
  COUNT(*) as error_count,
  MAX(created_at) as last_error
FROM workflow_errors
WHERE DATE(created_at) = CURRENT_DATE
GROUP BY workflow_name
ORDER BY error_count DESC;

SELECT
  campaign_id,
  analytics_date,
  open_rate,
  click_rate,
  unsubscribe_rate
FROM campaign_analytics
WHERE analytics_date = CURRENT_DATE - 1
ORDER BY campaign_id;

SELECT
  COUNT(*) FILTER (WHERE send_status = 'failed') * 100.0 / COUNT(*) as failure_rate
FROM email_sends
WHERE created_at >= NOW() - INTERVAL '1 day';

SELECT
  workflow_name,
  MAX(created_at) as last_run
FROM workflow_executions
WHERE workflow_name IN (
  'Lead Nurture - Message Scheduler',
  'Lead Nurture - Email Sender'
)
GROUP BY workflow_name
HAVING MAX(created_at) < NOW() - INTERVAL '15 minutes';

SELECT
  campaign_id,
  campaign_name,
  open_rate,
  click_rate
FROM campaign_analytics ca
JOIN nurture_campaigns nc ON nc.id = ca.campaign_id
WHERE analytics_date = CURRENT_DATE - 1
  AND (open_rate < 20 OR click_rate < 2);

SELECT
  COUNT(*) as unsubscribes_today,
  COUNT(*) * 100.0 / (
    SELECT COUNT(*) FROM email_sends
    WHERE DATE(actual_send_time) = CURRENT_DATE - 1
  ) as unsubscribe_rate
FROM email_events
WHERE event_type = 'unsubscribe'
  AND DATE(event_timestamp) = CURRENT_DATE - 1;

SELECT COUNT(*)
FROM email_sends
WHERE send_status = 'queued'
  AND scheduled_send_time < NOW() - INTERVAL '1 hour';

SELECT failure_reason, COUNT(*)
FROM email_sends
WHERE send_status = 'failed'
  AND created_at >= NOW() - INTERVAL '1 day'
GROUP BY failure_reason;

SELECT email_send_id, event_type, COUNT(*)
FROM email_events
GROUP BY email_send_id, event_type
HAVING COUNT(*) > 1;

SELECT COUNT(*) as total_events,
       COUNT(DISTINCT event_hash) as unique_events
FROM email_events
WHERE DATE(created_at) = CURRENT_DATE;

SELECT
  COUNT(*) FILTER (WHERE send_status = 'bounced') * 100.0 / COUNT(*) as bounce_rate
FROM email_sends
WHERE DATE(actual_send_time) = CURRENT_DATE - 1;

SELECT
  lead_id,
  COUNT(*) as bounce_count,
  bounce_type
FROM email_sends
WHERE send_status = 'bounced'
GROUP BY lead_id, bounce_type
HAVING COUNT(*) >= 2
ORDER BY bounce_count DESC;

UPDATE leads l
SET metadata = jsonb_set(
  COALESCE(metadata, '{}'::jsonb),
  '{email_invalid}',
  'true'::jsonb
)
WHERE id IN (
  SELECT lead_id FROM email_sends
  WHERE bounce_type = 'hard'
);

UPDATE lead_campaign_enrollments
SET status = 'completed', completion_reason = 'invalid_email'
WHERE lead_id IN (
  SELECT lead_id FROM leads
  WHERE metadata->>'email_invalid' = 'true'
);

SELECT
  l.id,
  l.name,
  l.email,
  CASE WHEN l.name IS NULL THEN 'missing_name' END as issue
FROM leads l
LEFT JOIN lead_preferences lp ON lp.lead_id = l.id
WHERE l.organization_id = '[your-org-id]'
  AND (l.name IS NULL OR l.email IS NULL);

SELECT MAX(analytics_date)
FROM campaign_analytics;

INSERT INTO campaign_analytics (
  organization_id, campaign_id, analytics_date,
  emails_sent_today, unique_opens_today, unique_clicks_today,
  open_rate, click_rate
)
SELECT
  lce.organization_id,
  lce.campaign_id,
  CURRENT_DATE - 1 as analytics_date,
  COUNT(DISTINCT es.id) as emails_sent_today,
  COUNT(DISTINCT CASE WHEN es.opened_at IS NOT NULL THEN es.lead_id END) as unique_opens_today,
  COUNT(DISTINCT CASE WHEN es.first_click_at IS NOT NULL THEN es.lead_id END) as unique_clicks_today,
  ROUND(COUNT(DISTINCT CASE WHEN es.opened_at IS NOT NULL THEN es.lead_id END) * 100.0 / NULLIF(COUNT(DISTINCT es.id), 0), 2) as open_rate,
  ROUND(COUNT(DISTINCT CASE WHEN es.first_click_at IS NOT NULL THEN es.lead_id END) * 100.0 / NULLIF(COUNT(DISTINCT es.id), 0), 2) as click_rate
FROM lead_campaign_enrollments lce
JOIN email_sends es ON es.enrollment_id = lce.id
WHERE DATE(es.actual_send_time) = CURRENT_DATE - 1
GROUP BY lce.organization_id, lce.campaign_id
ON CONFLICT (campaign_id, analytics_date) DO UPDATE SET
  emails_sent_today = EXCLUDED.emails_sent_today,
  unique_opens_today = EXCLUDED.unique_opens_today,
  unique_clicks_today = EXCLUDED.unique_clicks_today,
  open_rate = EXCLUDED.open_rate,
  click_rate = EXCLUDED.click_rate;

REINDEX TABLE lead_campaign_enrollments;
REINDEX TABLE email_events;
ANALYZE lead_campaign_enrollments;

SELECT
  query,
  calls,
  mean_exec_time,
  max_exec_time
FROM pg_stat_statements
WHERE query LIKE '%email_sends%'
   OR query LIKE '%lead_campaign%'
ORDER BY mean_exec_time DESC
LIMIT 10;

SELECT
  DATE_TRUNC('minute', created_at) as minute,
  COUNT(*) as enrollments_processed,
  MAX(updated_at) - MIN(created_at) as processing_duration
FROM email_sends
WHERE DATE(created_at) = CURRENT_DATE
GROUP BY DATE_TRUNC('minute', created_at)
ORDER BY minute DESC
LIMIT 10;

SELECT
  DATE_TRUNC('minute', actual_send_time) as minute,
  COUNT(*) as emails_sent,
  COUNT(*) / 60.0 as emails_per_second
FROM email_sends
WHERE send_status = 'sent'
  AND DATE(actual_send_time) = CURRENT_DATE
GROUP BY DATE_TRUNC('minute', actual_send_time)
ORDER BY minute DESC
LIMIT 10;

SELECT schemaname, tablename, attname, n_distinct, correlation
FROM pg_stats
WHERE tablename = 'email_sends';

DELETE FROM email_events
WHERE created_at < NOW() - INTERVAL '2 years';
