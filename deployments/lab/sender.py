"""The lab's cron: its sender takes mails from the queue one by one, and writes down that each went out; its updater
counts the daily figures. Nothing leaves.

Started as a script, by its path, so that it need not import the house: `python sender.py FOLDER`. FOLDER holds `url`,
the way to the application's database. A run is due every two seconds while its workflow is active; it sends as many
mails as a run may, each from the inbox with the most room left today, and reads the emergency stop before each. The
updater is due every hour: it counts the days of the last fortnight that have no figures.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import psycopg

URL = "url"
WORKFLOW = "Lead Nurture - Email Sender"
LOOKS_EVERY_S = 0.5
# A drill's locks hold it up no longer than this: it is nobody's victim, and nobody waits behind it.
PATIENCE = "-c lock_timeout=200ms -c statement_timeout=5s"

BEGIN = """
UPDATE workflows SET next_run_at = now() + interval '2 seconds'
WHERE workflow_name = %s AND active AND next_run_at <= now()
RETURNING (SELECT value::int FROM settings WHERE setting = 'max_emails_per_run')
"""
# One statement, so that a mail that is taken is sent: nobody else can take it, and the stop cannot fall in between.
SEND = """
WITH inbox AS (
    SELECT i.id, i.daily_limit - coalesce(d.sent, 0) AS room
    FROM inboxes i LEFT JOIN inbox_days d ON d.inbox_id = i.id AND d.day = (now() AT TIME ZONE 'UTC')::date
    WHERE i.status = 'active' AND i.daily_limit > coalesce(d.sent, 0)
    ORDER BY room DESC, i.id
    LIMIT 1
), mail AS (
    SELECT s.id
    FROM email_sends s JOIN campaigns c ON c.id = s.campaign_id AND c.status = 'active'
    WHERE s.send_status = 'queued' AND s.scheduled_send_time <= now() AND EXISTS (SELECT FROM inbox)
      AND NOT EXISTS (SELECT FROM settings WHERE setting = 'emergency_stop' AND value = 'true')
    ORDER BY s.scheduled_send_time, s.id
    LIMIT 1
    FOR UPDATE OF s SKIP LOCKED
), sent AS (
    UPDATE email_sends s
    SET send_status = 'sent', actual_send_time = clock_timestamp(),
        message_id = format('<%%s@lab.example.com>', s.id)
    FROM mail WHERE s.id = mail.id
    RETURNING s.id
)
INSERT INTO inbox_days (inbox_id, day, sent)
SELECT inbox.id, (now() AT TIME ZONE 'UTC')::date, 1 FROM inbox, sent
ON CONFLICT (inbox_id, day) DO UPDATE SET sent = inbox_days.sent + 1
RETURNING inbox_id
"""
UPDATER = "Campaign Analytics Updater"
BEGIN_FIGURES = """
UPDATE workflows SET next_run_at = now() + interval '1 hour'
WHERE workflow_name = %s AND active AND next_run_at <= now()
RETURNING true
"""
COUNT_FIGURES = """
INSERT INTO campaign_analytics
    (organization_id, campaign_id, analytics_date, emails_sent_today, unique_opens_today, unique_clicks_today,
     open_rate, click_rate, unsubscribe_rate)
SELECT organization_id, campaign_id, day, sent, opens, clicks,
       round(opens * 100.0 / sent, 2), round(clicks * 100.0 / sent, 2), round(leaves * 100.0 / sent, 2)
FROM (
    SELECT s.organization_id, s.campaign_id, (s.actual_send_time AT TIME ZONE 'UTC')::date AS day, count(*) AS sent,
           count(s.opened_at) AS opens, count(s.first_click_at) AS clicks,
           count(*) FILTER (WHERE EXISTS (
               SELECT FROM email_events e WHERE e.email_send_id = s.id AND e.event_type = 'unsubscribe')) AS leaves
    FROM email_sends s, (SELECT (now() AT TIME ZONE 'UTC')::date AS today) AS t
    WHERE s.actual_send_time >= (today - 14) AT TIME ZONE 'UTC' AND s.actual_send_time < today AT TIME ZONE 'UTC'
      AND NOT EXISTS (
          SELECT FROM campaign_analytics a
          WHERE a.campaign_id = s.campaign_id AND a.analytics_date = (s.actual_send_time AT TIME ZONE 'UTC')::date)
    GROUP BY 1, 2, 3
) AS d
ON CONFLICT DO NOTHING
"""
RAN = "INSERT INTO workflow_executions (workflow_name, status, duration_ms) VALUES (%s, 'success', %s)"


def run(session: psycopg.Connection) -> int:
    """One run, if it is due: how many mails went out."""
    due = session.execute(BEGIN, [WORKFLOW]).fetchone()
    if due is None:
        return 0
    began, sent = time.monotonic(), 0
    while sent < (due[0] or 0) and session.execute(SEND, [], prepare=True).fetchone():
        sent += 1
    if sent:
        session.execute(RAN, [WORKFLOW, round(1000 * (time.monotonic() - began))])
    return sent


def count_figures(session: psycopg.Connection) -> None:
    """One run of the updater, if it is due."""
    if session.execute(BEGIN_FIGURES, [UPDATER]).fetchone() is None:
        return
    began = time.monotonic()
    session.execute(COUNT_FIGURES)
    session.execute(RAN, [UPDATER, round(1000 * (time.monotonic() - began))])


def main(folder: Path) -> None:
    """Send for as long as the process lives, whether or not the database is up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    said = ""
    while True:
        try:
            url = (folder / URL).read_text(encoding="utf-8")
            with psycopg.connect(url, autocommit=True, application_name="lab-sender", options=PATIENCE) as session:
                while True:
                    run(session)
                    count_figures(session)
                    said = ""
                    time.sleep(LOOKS_EVERY_S)
        except psycopg.Error as error:
            # The same a hundred times over tells no more than once.
            if str(error) != said:
                said = str(error)
                print(said, flush=True)
            time.sleep(LOOKS_EVERY_S)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
