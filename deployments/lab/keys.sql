-- Indexes and foreign keys, made after the rows: once for all is quicker than with each of them.
CREATE INDEX ON lead_campaign_enrollments (lead_id);
CREATE INDEX ON lead_campaign_enrollments (next_send_at) WHERE status = 'active';
CREATE INDEX ON email_sends (enrollment_id);
CREATE INDEX ON email_sends (lead_id);
CREATE INDEX ON email_sends (campaign_id, actual_send_time);
CREATE INDEX ON email_sends (created_at);
CREATE INDEX ON email_sends (actual_send_time);
CREATE INDEX ON email_sends (updated_at) WHERE send_status = 'failed';
CREATE INDEX ON email_sends (scheduled_send_time) WHERE send_status = 'queued';
CREATE INDEX ON email_sends (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX ON email_events (email_send_id, event_type);
CREATE INDEX ON email_events (event_type, event_timestamp);
CREATE INDEX ON email_events (event_timestamp);
CREATE INDEX ON workflow_executions (workflow_name, created_at);
CREATE INDEX ON workflow_executions (created_at);
CREATE INDEX ON inbox_days (day);
CREATE INDEX ON workflow_errors (created_at);
CREATE INDEX ON workflow_errors (execution_id);

ALTER TABLE leads
    ADD FOREIGN KEY (organization_id) REFERENCES organizations;
ALTER TABLE lead_preferences
    ADD FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE;
ALTER TABLE campaigns
    ADD FOREIGN KEY (organization_id) REFERENCES organizations;
ALTER TABLE lead_campaign_enrollments
    ADD FOREIGN KEY (organization_id) REFERENCES organizations,
    ADD FOREIGN KEY (campaign_id) REFERENCES campaigns,
    ADD FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE;
ALTER TABLE email_sends
    ADD FOREIGN KEY (organization_id) REFERENCES organizations,
    ADD FOREIGN KEY (campaign_id) REFERENCES campaigns,
    ADD FOREIGN KEY (enrollment_id) REFERENCES lead_campaign_enrollments ON DELETE CASCADE,
    ADD FOREIGN KEY (lead_id) REFERENCES leads ON DELETE CASCADE;
ALTER TABLE email_events
    ADD FOREIGN KEY (email_send_id) REFERENCES email_sends ON DELETE CASCADE;
ALTER TABLE campaign_analytics
    ADD FOREIGN KEY (organization_id) REFERENCES organizations,
    ADD FOREIGN KEY (campaign_id) REFERENCES campaigns;
ALTER TABLE workflow_errors
    ADD FOREIGN KEY (execution_id) REFERENCES workflow_executions ON DELETE CASCADE;
