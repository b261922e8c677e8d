-- Plausible rows: the same on every machine but for the dates, which count back from now.
SELECT setseed(0.42);

INSERT INTO organizations (id, name, created_at)
SELECT format('org-%s', lpad(n::text, 2, '0')),
       (ARRAY['Northwind', 'Blue Harbor', 'Kestrel', 'Oak & Iron', 'Lumen', 'Riverbend', 'Tallgrass', 'Pinecone'])[n],
       now() - interval '400 days' + n * interval '11 days'
FROM generate_series(1, 8) AS n;

INSERT INTO campaigns (organization_id, campaign_name, created_at)
SELECT format('org-%s', lpad(((n - 1) % 8 + 1)::text, 2, '0')),
       (ARRAY['Welcome series', 'Product tour', 'Win back'])[(n - 1) / 8 + 1],
       now() - interval '120 days'
FROM generate_series(1, 24) AS n;

INSERT INTO leads (organization_id, first_name, name, email, metadata, created_at, updated_at)
SELECT format('org-%s', lpad(((n - 1) % 8 + 1)::text, 2, '0')),
       first_name,
       format('%s %s', first_name,
              (ARRAY['Abbott', 'Brandt', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'Gupta', 'Haas', 'Ito'])[n / 10 % 9 + 1]),
       format('lead%s@example.com', n),
       jsonb_build_object('source', (ARRAY['web', 'event', 'import', 'referral'])[(random() * 3)::int + 1]),
       at, at
FROM (SELECT n, now() - interval '1 day' - random() * interval '300 days' AS at,
             (ARRAY['Ada', 'Ben', 'Chloe', 'Dmitri', 'Elif', 'Farid', 'Grace', 'Hiro', 'Ines', 'Jonas'])[n % 10 + 1] AS first_name
      FROM generate_series(1, 40000) AS n) AS l;

INSERT INTO lead_preferences (lead_id, emails_per_week, time_zone)
SELECT id, (random() * 4)::int + 1, (ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Tokyo'])[id % 4 + 1]
FROM leads;

-- Campaign n belongs to organization (n - 1) % 8 + 1, and so does lead n.
INSERT INTO lead_campaign_enrollments
    (organization_id, campaign_id, lead_id, status, completion_reason, next_send_at, created_at, updated_at)
SELECT organization_id, (id - 1) % 8 + 1 + 8 * step, id,
       CASE WHEN running THEN 'active' ELSE 'completed' END,
       CASE WHEN NOT running THEN 'sequence_finished' END,
       -- Well ahead: an enrollment that is overdue would be an incident.
       CASE WHEN running THEN now() + interval '1 day' + random() * interval '13 days' END,
       created_at, created_at
FROM (SELECT leads.*, step, random() < 0.7 AS running
      FROM leads CROSS JOIN generate_series(0, 2) AS step WHERE random() < 0.5) AS e;

-- Four mails a lead and campaign, in the thirty days until now.
INSERT INTO email_sends
    (organization_id, campaign_id, enrollment_id, lead_id, subject, send_status, failure_reason, bounce_type,
     scheduled_send_time, actual_send_time, opened_at, first_click_at, created_at, updated_at)
SELECT organization_id, campaign_id, id, lead_id, format('Part %s of your tour', part),
       CASE WHEN fate < 0.010 THEN 'bounced' WHEN fate < 0.014 THEN 'failed' ELSE 'sent' END,
       CASE WHEN fate >= 0.010 AND fate < 0.014 THEN 'provider_timeout' END,
       CASE WHEN fate < 0.006 THEN 'hard' WHEN fate < 0.010 THEN 'soft' END,
       due,
       CASE WHEN fate < 0.010 OR fate >= 0.014 THEN sent END,
       CASE WHEN fate >= 0.014 AND interest < 0.35 THEN least(now(), sent + interval '5 minutes' + interest * interval '1 day') END,
       CASE WHEN fate >= 0.014 AND interest < 0.06 THEN least(now(), sent + interval '7 minutes' + interest * interval '1 day') END,
       due - interval '1 minute', sent
FROM (SELECT e.*, due + (5 + random() * 30) * interval '1 second' AS sent, random() AS fate, random() AS interest
      FROM (SELECT lead_campaign_enrollments.*, part, now() - interval '2 minutes' - random() * interval '30 days' AS due
            FROM lead_campaign_enrollments CROSS JOIN generate_series(1, 4) AS part) AS e) AS s;

-- Whose address was refused for good gets no more mail: its enrollments ended with it.
-- Addresses die with the years: none of this month's is among them.
UPDATE leads SET status = 'invalid', created_at = created_at - interval '40 days'
WHERE id IN (SELECT lead_id FROM email_sends WHERE bounce_type = 'hard');

UPDATE lead_campaign_enrollments AS e SET status = 'completed', completion_reason = 'invalid_email'
FROM leads AS l
WHERE l.id = e.lead_id AND l.status = 'invalid' AND e.status = 'active';

UPDATE campaigns SET emails_sent = counted.sent
FROM (SELECT campaign_id, count(*) AS sent FROM email_sends GROUP BY campaign_id) AS counted
WHERE counted.campaign_id = campaigns.id;

INSERT INTO email_events (email_send_id, event_type, event_timestamp, event_hash, created_at)
SELECT id, event_type, happened, md5(format('%s-%s', id, event_type)), happened
FROM email_sends
CROSS JOIN LATERAL (VALUES ('open', opened_at), ('click', first_click_at),
                           ('bounce', CASE WHEN send_status = 'bounced' THEN actual_send_time END),
                           ('unsubscribe', CASE WHEN id % 400 = 0 THEN opened_at END)) AS e (event_type, happened)
WHERE happened IS NOT NULL;

INSERT INTO campaign_analytics
    (organization_id, campaign_id, analytics_date, emails_sent_today, unique_opens_today, unique_clicks_today,
     open_rate, click_rate, unsubscribe_rate)
SELECT organization_id, campaign_id, day, sent, opens, clicks,
       round(opens * 100.0 / sent, 2), round(clicks * 100.0 / sent, 2), 0.1
FROM (SELECT organization_id, campaign_id, actual_send_time::date AS day, count(*) AS sent,
             count(opened_at) AS opens, count(first_click_at) AS clicks
      FROM email_sends WHERE actual_send_time < current_date GROUP BY 1, 2, 3) AS d;

-- Both workflows run every two minutes; one run in four hundred fails, none of them in the last two days.
INSERT INTO workflow_executions (workflow_name, status, duration_ms, created_at)
SELECT name, CASE WHEN random() < 0.0025 AND at < now() - interval '2 days' THEN 'error' ELSE 'success' END,
       (400 + random() * 900)::int, at
FROM unnest(ARRAY['Lead Nurture - Message Scheduler', 'Lead Nurture - Email Sender']) AS name
CROSS JOIN generate_series(now() - interval '14 days', now(), interval '2 minutes') AS at;

INSERT INTO workflow_errors (execution_id, workflow_name, error_message, created_at)
SELECT id, workflow_name, 'The service refused the connection - perhaps it is offline', created_at
FROM workflow_executions WHERE status = 'error';

INSERT INTO settings (setting, value, changed_by, changed_at)
VALUES ('emergency_stop', 'false', 'setup', now() - interval '120 days'),
       ('max_emails_per_run', '20', 'setup', now() - interval '120 days'),
       ('claude_concurrency', '8', 'setup', now() - interval '120 days'),
       ('unipile_concurrency', '4', 'setup', now() - interval '120 days'),
       ('grok_concurrency', '4', 'setup', now() - interval '120 days');

INSERT INTO workflows (workflow_name, active)
VALUES ('Lead Nurture - Message Scheduler', true), ('Lead Nurture - Email Sender', true),
       ('Campaign Analytics Updater', true);

-- Three that were warmed up long ago, and one in its second week.
INSERT INTO inboxes (address, daily_limit, warmup_from, created_at)
SELECT format('sales%s@example.com', n), CASE WHEN n < 4 THEN 4000 ELSE 10 END,
       CASE WHEN n = 4 THEN current_date - 9 END, now() - (CASE WHEN n < 4 THEN 400 ELSE 9 END) * interval '1 day'
FROM generate_series(1, 4) AS n;

-- Forty users came in the last month; all are through but the last three, who are on their way.
INSERT INTO onboardings (email, step, status, updated_at)
SELECT format('user%s@example.com', n),
       CASE WHEN n <= 37 THEN 'inbox' ELSE (ARRAY['account', 'domain', 'calendar'])[n - 37] END,
       CASE WHEN n <= 37 THEN 'done' ELSE 'going' END, now() - (41 - n) * interval '8 hours'
FROM generate_series(1, 40) AS n;

-- What stands in place of tokens opens nothing.
INSERT INTO calendar_connections (user_id, provider, refresh_token, access_token, updated_at)
SELECT user_id, (ARRAY['google', 'microsoft'])[user_id % 2 + 1],
       'lab-refresh-' || md5('refresh' || user_id), 'lab-access-' || md5('access' || user_id), updated_at
FROM onboardings WHERE status = 'done';

-- All done with: one that waits would be an incident tomorrow.
INSERT INTO prospects (company, stage, stage_changed_at, attempts)
SELECT format('Company %s', n), CASE WHEN n % 40 = 0 THEN 'skipped' ELSE 'enriched' END,
       now() - n * interval '45 minutes', CASE WHEN n % 40 = 0 THEN 3 ELSE 1 END
FROM generate_series(1, 400) AS n;

-- Each user is logged in at home; the worker comes with a key of its own.
INSERT INTO sessions (user_id, created_at, last_seen, address)
SELECT user_id, updated_at, now() - user_id * interval '5 minutes', '198.51.100.0'::inet + user_id
FROM onboardings WHERE status = 'done';

INSERT INTO api_keys (owner, last_used)
SELECT CASE WHEN n = 1 THEN 'worker' ELSE n::text END, now() - n * interval '1 hour' FROM generate_series(1, 6) AS n;
