-- The lab's application: a team that nurtures leads by mail. Names are those the runbooks' queries use.

CREATE TABLE organizations (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE leads (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  text NOT NULL,
    name             text,
    -- By which mails greet it.
    first_name       text,
    email            text,
    metadata         jsonb,
    -- Of one that is invalid, the address takes no mail.
    status           text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'invalid')),
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, email)
);

CREATE TABLE lead_preferences (
    lead_id          bigint PRIMARY KEY,
    emails_per_week  smallint NOT NULL DEFAULT 3 CHECK (emails_per_week BETWEEN 0 AND 14),
    time_zone        text NOT NULL DEFAULT 'UTC',
    unsubscribed_at  timestamptz
);

CREATE TABLE campaigns (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  text NOT NULL,
    campaign_name    text NOT NULL,
    status           text NOT NULL DEFAULT 'active' CHECK (status IN ('draft', 'active', 'paused', 'finished')),
    -- Every send adds one here: the row that everybody wants to update.
    emails_sent      bigint NOT NULL DEFAULT 0,
    created_at       timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, campaign_name)
);

-- The name under which the older queries know them.
CREATE VIEW nurture_campaigns AS SELECT * FROM campaigns;

CREATE TABLE lead_campaign_enrollments (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id    text NOT NULL,
    campaign_id        bigint NOT NULL,
    lead_id            bigint NOT NULL,
    status             text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused', 'completed')),
    completion_reason  text,
    next_send_at       timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, lead_id),
    CHECK (status <> 'active' OR next_send_at IS NOT NULL)
);

CREATE TABLE email_sends (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id      text NOT NULL,
    campaign_id          bigint NOT NULL,
    enrollment_id        bigint NOT NULL,
    lead_id              bigint NOT NULL,
    subject              text NOT NULL,
    send_status          text NOT NULL CHECK (send_status IN ('queued', 'sent', 'failed', 'bounced', 'withdrawn')),
    failure_reason       text,
    bounce_type          text CHECK (bounce_type IN ('hard', 'soft', 'blocked')),
    scheduled_send_time  timestamptz NOT NULL,
    actual_send_time     timestamptz,
    opened_at            timestamptz,
    first_click_at       timestamptz,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    -- As a reply names it.
    message_id           text,
    CHECK ((send_status = 'bounced') = (bounce_type IS NOT NULL))
);

CREATE TABLE email_events (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email_send_id    bigint NOT NULL,
    event_type       text NOT NULL
                     CHECK (event_type IN ('delivered', 'open', 'click', 'bounce', 'unsubscribe', 'spam_report', 'reply')),
    event_timestamp  timestamptz NOT NULL,
    -- The link that was followed, the reason that was given.
    detail           text,
    -- The provider repeats itself; the same event arrives once.
    event_hash       text NOT NULL UNIQUE,
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- Where rows lie that were taken out, and can be brought back.
CREATE SCHEMA archive;

-- Rates are in percent, as the application writes them.
CREATE TABLE campaign_analytics (
    id                   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id      text NOT NULL,
    campaign_id          bigint NOT NULL,
    analytics_date       date NOT NULL,
    emails_sent_today    integer NOT NULL DEFAULT 0,
    unique_opens_today   integer NOT NULL DEFAULT 0,
    unique_clicks_today  integer NOT NULL DEFAULT 0,
    open_rate            numeric(5, 2),
    click_rate           numeric(5, 2),
    unsubscribe_rate     numeric(5, 2),
    UNIQUE (campaign_id, analytics_date)
);

CREATE TABLE workflow_executions (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_name  text NOT NULL,
    status         text NOT NULL CHECK (status IN ('success', 'error')),
    duration_ms    integer NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE workflow_errors (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    execution_id   bigint,
    workflow_name  text NOT NULL,
    error_message  text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- What governs its mail: one of them is the emergency stop, another how many a run of the sender may send.
CREATE TABLE settings (
    setting     text PRIMARY KEY,
    value       jsonb NOT NULL,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    changed_by  text,
    reason      text
);

CREATE TABLE workflows (
    workflow_name  text PRIMARY KEY,
    active         boolean NOT NULL,
    next_run_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE inboxes (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    address       text NOT NULL UNIQUE,
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    daily_limit   integer NOT NULL CHECK (daily_limit >= 0),
    -- The first day of its warm-up; NULL: it was never warmed up here.
    warmup_from   date,
    paused_until  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);

-- What an inbox sent on a day, and what became of it.
CREATE TABLE inbox_days (
    inbox_id    bigint NOT NULL REFERENCES inboxes,
    day         date NOT NULL,
    sent        integer NOT NULL DEFAULT 0,
    bounced     integer NOT NULL DEFAULT 0,
    complained  integer NOT NULL DEFAULT 0,
    replied     integer NOT NULL DEFAULT 0,
    PRIMARY KEY (inbox_id, day)
);

-- How far a user has come: account, domain, calendar, inbox.
CREATE TABLE onboardings (
    user_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email        text NOT NULL UNIQUE,
    step         text NOT NULL CHECK (step IN ('account', 'domain', 'calendar', 'inbox')),
    status       text NOT NULL CHECK (status IN ('going', 'failed', 'done')),
    error        text,
    account      text NOT NULL DEFAULT 'active' CHECK (account IN ('active', 'suspended')),
    permissions  text[] NOT NULL DEFAULT '{calendar.read,mail.send}',
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON onboardings (updated_at);

CREATE TABLE calendar_connections (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id        bigint NOT NULL REFERENCES onboardings,
    provider       text NOT NULL CHECK (provider IN ('google', 'microsoft')),
    status         text NOT NULL DEFAULT 'connected' CHECK (status IN ('connected', 'error', 'expired')),
    error          text,
    refresh_token  text,
    access_token   text,
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON calendar_connections (updated_at);

-- About whom more is to be found before they are written to.
CREATE TABLE prospects (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company           text NOT NULL,
    stage             text NOT NULL DEFAULT 'new'
                      CHECK (stage IN ('new', 'queued', 'enriched', 'failed', 'skipped')),
    stage_changed_at  timestamptz NOT NULL DEFAULT now(),
    error             text,
    attempts          integer NOT NULL DEFAULT 0
);

-- Who is logged in, and with which keys programs come. The tokens themselves are kept nowhere.
CREATE TABLE sessions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint NOT NULL REFERENCES onboardings,
    created_at  timestamptz NOT NULL DEFAULT now(),
    last_seen   timestamptz NOT NULL DEFAULT now(),
    address     inet NOT NULL,
    revoked_at  timestamptz
);
CREATE INDEX ON sessions (last_seen);

CREATE TABLE api_keys (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner       text NOT NULL,
    last_used   timestamptz,
    revoked_at  timestamptz
);
