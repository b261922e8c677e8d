"""The tables of an application that nurtures leads, as it might have made them, and where each thing stands in them."""

from __future__ import annotations

from typing import Any

SCHEMA = """
DROP TABLE leads;
CREATE TABLE leads (
    id bigint PRIMARY KEY, email text, name text DEFAULT 'Ada', status text DEFAULT 'active',
    created_at timestamptz DEFAULT now() - interval '90 days'
);
CREATE TABLE campaigns (
    id bigint PRIMARY KEY, campaign_name text, status text NOT NULL DEFAULT 'active', organization_id text DEFAULT 'org'
);
CREATE TABLE enrollments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lead_id bigint, campaign_id bigint, status text,
    completion_reason text, next_send_at timestamptz, updated_at timestamptz DEFAULT now()
);
CREATE TYPE send_status AS ENUM ('queued', 'sending', 'sent', 'failed', 'bounced', 'cancelled');
CREATE TABLE email_sends (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, lead_id bigint, campaign_id bigint DEFAULT 1,
    send_status send_status NOT NULL, failure_reason text, bounce_type varchar(20),
    subject text DEFAULT 'A tour', body text DEFAULT 'Hello Ada',
    scheduled_send_time timestamptz, claimed_at timestamptz, actual_send_time timestamptz, message_id text,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE email_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email_send_id bigint, event_type text,
    event_timestamp timestamptz, event_hash text, detail text
);
CREATE UNIQUE INDEX events_once ON email_events (event_hash);
CREATE TABLE workflow_executions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workflow_name text, status text, duration_ms integer,
    items integer, error text, created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE campaign_analytics (
    campaign_id bigint, analytics_date date, open_rate numeric(5, 2), click_rate numeric(5, 2),
    unsubscribe_rate numeric(5, 2), sent integer, opened integer, clicked integer, unsubscribed integer,
    organization_id text, UNIQUE (campaign_id, analytics_date)
);
CREATE TABLE settings (
    setting text PRIMARY KEY, value jsonb, changed_at timestamptz, changed_by text, reason text
);
CREATE TABLE workflows (workflow_name text PRIMARY KEY, active boolean NOT NULL, next_run_at timestamptz);
CREATE TABLE inboxes (
    id bigint PRIMARY KEY, address text, status text NOT NULL DEFAULT 'active', daily_limit integer, warmup_from date,
    paused_until timestamptz, created_at timestamptz DEFAULT now() - interval '300 days'
);
CREATE TABLE inbox_days (
    inbox_id bigint, day date, sent integer DEFAULT 0, bounced integer DEFAULT 0, complained integer DEFAULT 0,
    replied integer DEFAULT 0, PRIMARY KEY (inbox_id, day)
);
CREATE TABLE onboardings (
    user_id bigint PRIMARY KEY, email text, step text, status text, error text, account text DEFAULT 'active',
    permissions text[] DEFAULT '{calendar.read,mail.send}', updated_at timestamptz DEFAULT now()
);
CREATE TABLE calendar_connections (
    id bigint PRIMARY KEY, user_id bigint, provider text, status text, error text, refresh_token text,
    access_token text, updated_at timestamptz DEFAULT now()
);
CREATE INDEX ON onboardings (updated_at);
CREATE INDEX ON calendar_connections (updated_at);
CREATE TABLE prospects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stage text NOT NULL DEFAULT 'new',
    stage_changed_at timestamptz NOT NULL DEFAULT now(), error text, attempts integer DEFAULT 0
);
CREATE INDEX ON prospects (stage_changed_at);
CREATE TABLE user_sessions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id text, started_at timestamptz DEFAULT now(),
    used_at timestamptz DEFAULT now(), used_from inet, ended_at timestamptz
);
CREATE INDEX ON user_sessions (used_at);
CREATE TABLE keys (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id text, used_at timestamptz, ended_at timestamptz
);
CREATE INDEX ON inbox_days (day);
CREATE INDEX ON enrollments (lead_id);
CREATE INDEX ON email_sends (actual_send_time);
CREATE INDEX ON email_sends (updated_at) WHERE send_status = 'failed';
CREATE INDEX ON email_sends (scheduled_send_time) WHERE send_status = 'queued';
CREATE INDEX ON email_sends (created_at);
CREATE INDEX ON enrollments (next_send_at) WHERE status = 'active';
CREATE INDEX ON email_events (event_type, event_timestamp);
CREATE INDEX ON email_events (event_timestamp);
CREATE INDEX ON workflow_executions (workflow_name, created_at);
CREATE INDEX ON workflow_executions (created_at);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO actor;
GRANT ALL ON ALL TABLES IN SCHEMA public TO app;
INSERT INTO campaigns VALUES (1, 'Welcome'), (2, 'Win back');
INSERT INTO settings VALUES ('emergency_stop', 'false', now() - interval '9 days', 'ana'),
    ('max_emails_per_run', '50', now() - interval '9 days', 'ana'),
    ('claude_concurrency', '50', now() - interval '9 days', 'ana');
INSERT INTO workflows VALUES ('Scheduler', true, now()), ('Sender', true, now()), ('Updater', true, now());
INSERT INTO leads (id, email) SELECT n, 'lead' || n || '@example.com' FROM generate_series(1, 1000) n;
"""
MAPPING: dict[str, Any] = {
    "sends": {
        "table": "email_sends",
        "id": "id",
        "lead": "lead_id",
        "campaign": "campaign_id",
        "status": "send_status",
        "created_at": "created_at",
        "scheduled_for": "scheduled_send_time",
        "claimed_at": "claimed_at",
        "sent_at": "actual_send_time",
        "message_id": "message_id",
        "failed_at": "updated_at",
        "error": "failure_reason",
        "subject": "subject",
        "body": "body",
        "bounce_type": "bounce_type",
        "statuses": {
            "queued": ["queued"],
            "claimed": ["sending"],
            "failed": ["failed"],
            "bounced": ["bounced"],
            "withdrawn": ["cancelled"],
            "sent": ["sent"],
        },
        "bounces": {"hard": ["hard"], "soft": ["soft"], "blocked": ["blocked"]},
    },
    "events": {
        "table": "email_events",
        "id": "id",
        "send": "email_send_id",
        "type": "event_type",
        "at": "event_timestamp",
        "once": "event_hash",
        "detail": "detail",
        "types": {
            "open": ["open"],
            "click": ["click"],
            "unsubscribe": ["unsubscribe", "group_unsubscribe"],
            "complaint": ["spamreport"],
        },
    },
    "enrolments": {
        "table": "enrollments",
        "id": "id",
        "lead": "lead_id",
        "campaign": "campaign_id",
        "status": "status",
        "due_at": "next_send_at",
        "updated_at": "updated_at",
        "reason": "completion_reason",
        "statuses": {"active": ["active"], "ended": ["completed"]},
    },
    "campaigns": {
        "table": "campaigns",
        "id": "id",
        "name": "campaign_name",
        "status": "status",
        "organization": "organization_id",
        "statuses": {"running": ["active"], "paused": ["paused"]},
    },
    "leads": {
        "table": "leads",
        "id": "id",
        "email": "email",
        "name": "name",
        "status": "status",
        "created_at": "created_at",
        "statuses": {"invalid": ["invalid"]},
    },
    "executions": {
        "table": "workflow_executions",
        "id": "id",
        "workflow": "workflow_name",
        "status": "status",
        "finished_at": "created_at",
        "duration_ms": "duration_ms",
        "items": "items",
        "error": "error",
        "statuses": {"success": ["success"], "error": ["error"]},
        "expected": {"Scheduler": 900, "Sender": 900},
        "scheduler": "Scheduler",
        "sender": "Sender",
    },
    "analytics": {
        "table": "campaign_analytics",
        "campaign": "campaign_id",
        "date": "analytics_date",
        "organization": "organization_id",
        "sent": "sent",
        "opened": "opened",
        "clicked": "clicked",
        "unsubscribed": "unsubscribed",
        "open_rate": "open_rate",
        "click_rate": "click_rate",
        "unsubscribe_rate": "unsubscribe_rate",
        "time_zone": "UTC",
        "updater": "Updater",
    },
    "settings": {
        "table": "settings",
        "key": "setting",
        "value": "value",
        "changed_at": "changed_at",
        "changed_by": "changed_by",
        "reason": "reason",
        "stops": {"on": ["true"], "off": ["false"]},
        "stop": "emergency_stop",
        "per_run": "max_emails_per_run",
        "at_once": {"claude": "claude_concurrency", "grok": "grok_concurrency"},
    },
    "workflows": {
        "table": "workflows",
        "id": "workflow_name",
        "name": "workflow_name",
        "active": "active",
        "next_run_at": "next_run_at",
        "states": {"on": ["true"], "off": ["false"]},
    },
    "inboxes": {
        "table": "inboxes",
        "id": "id",
        "address": "address",
        "status": "status",
        "daily_limit": "daily_limit",
        "warmup_from": "warmup_from",
        "paused_until": "paused_until",
        "created_at": "created_at",
        "statuses": {"active": ["active"], "paused": ["paused"]},
    },
    "inbox_days": {
        "table": "inbox_days",
        "inbox": "inbox_id",
        "day": "day",
        "sent": "sent",
        "bounced": "bounced",
        "complained": "complained",
        "replied": "replied",
    },
    "onboarding": {
        "table": "onboardings",
        "id": "user_id",
        "email": "email",
        "step": "step",
        "status": "status",
        "updated_at": "updated_at",
        "error": "error",
        "account": "account",
        "permissions": "permissions",
        "statuses": {"going": ["going"], "failed": ["failed"], "done": ["done"]},
        "accounts": {"active": ["active"]},
        "steps": ["account", "domain", "calendar", "inbox"],
        "needs": ["calendar.read", "mail.send"],
    },
    "connections": {
        "table": "calendar_connections",
        "id": "id",
        "user": "user_id",
        "provider": "provider",
        "status": "status",
        "updated_at": "updated_at",
        "error": "error",
        "refresh_token": "refresh_token",
        "access_token": "access_token",
        "statuses": {"broken": ["error"], "cleared": ["expired"]},
    },
    "prospects": {
        "table": "prospects",
        "id": "id",
        "status": "stage",
        "changed_at": "stage_changed_at",
        "error": "error",
        "attempts": "attempts",
        "statuses": {
            "new": ["new"],
            "pending": ["queued"],
            "enriched": ["enriched"],
            "failed": ["failed"],
            "skipped": ["skipped"],
        },
    },
    "sessions": {
        "table": "user_sessions",
        "id": "number",
        "user": "user_id",
        "created_at": "started_at",
        "last_seen": "used_at",
        "address": "used_from",
        "revoked_at": "ended_at",
    },
    "api_keys": {
        "table": "keys",
        "id": "number",
        "owner": "user_id",
        "last_used": "used_at",
        "revoked_at": "ended_at",
        "ours": ["worker"],
    },
}
