"""The tools that tell of trouble do not take our credentials, or our own schedules begin nothing."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.alertmanager.checks import check_alertmanager_answers
from tasks.betterstack.checks import check_betterstack_token, check_heartbeats
from tasks.intake.checks import check_scheduler
from tasks.pagerduty.checks import check_pagerduty_key
from tasks.sentry.checks import check_sentry_monitors, check_sentry_token
from tasks.slack.actions import UseSpareSlackToken
from tasks.slack.checks import check_slack_token
from tasks.slack.faults import WrongSlackToken
from tasks.status_page.checks import check_status_page_reads

runbook = Runbook(
    title="A monitoring tool does not take our credentials",
    problem=(
        "Sentry, Better Stack, PagerDuty, Alertmanager, Slack or a status page refuses us, or our own schedules begin "
        "nothing. What we would say there is not heard, what they would say we do not hear, and nothing looks wrong."
    ),
    severity=Severity.P2,
    keywords=(
        "monitoring",
        "tool setup",
        "token",
        "api token",
        "credentials",
        "sentry",
        "better stack",
        "betterstack",
        "slack",
        "pagerduty",
        "alertmanager",
        "status page",
        "scheduler",
        "heartbeat",
        "401",
        "403",
        "scope",
        "integration key",
    ),
    symptoms=(
        Symptom(alert="MonitoringTokenRefused"),
        Symptom(alert="HeartbeatMissed"),
        Symptom(heard="No message came to Slack."),
        Symptom(heard="Sentry's issues are not resolved any more."),
        Symptom(heard="Nothing is watched since yesterday."),
    ),
    diagnosis=(
        check_scheduler,
        check_sentry_token,
        check_sentry_monitors,
        check_betterstack_token,
        check_heartbeats,
        check_pagerduty_key,
        check_slack_token,
        check_alertmanager_answers,
        check_status_page_reads,
    ),
    resolution=(
        Manual(
            "Have the schedules begin again",
            when=check_scheduler,
            how="""\
The finding names what stands in the way, and the line to type. While it stands, nothing is watched and no approval is
acted on: look yourself at what the morning check asks, and at whatever came in meanwhile (`incident alerts`).""",
        ),
        Manual(
            "Give Sentry a token that it takes",
            when=check_sentry_token,
            how="""\
Sentry's own words are above. 401 is a token that it does not know: an internal integration's (Settings, Custom
Integrations), of this organization, with the scopes event:read, event:write and org:read; 403 is one with too few; 404
is another organization or another region (https://de.sentry.io). Put it where the configuration names it, start anew
with `incident up`, and ask again: incident doctor.""",
        ),
        Manual(
            "Look at the schedules that do not check in at Sentry",
            when=check_sentry_monitors,
            how="""\
A missed check-in of ours (incident-pipelines…) is a schedule that began nothing: check_scheduler above says why, or the
run's own log. One of another application is that application's; mute it at Sentry if nobody is to hear of it.""",
        ),
        Manual(
            "Give Better Stack a token that it takes",
            when=check_betterstack_token,
            how="""\
It wants the team's Uptime token: Better Stack, Settings, API tokens, Uptime API tokens. A Telemetry token, or another
team's, is answered 401 as well.""",
        ),
        Manual(
            "Find out why a heartbeat stopped",
            when=check_heartbeats,
            how="""\
The rows above name it. Ours is `heartbeat` under [health], and stops on purpose while schedules begin nothing. If all
is well here, its address is another one than Better Stack shows, or its period is shorter than a minute.""",
        ),
        Manual(
            "Give PagerDuty an integration key that it takes",
            when=check_pagerduty_key,
            how="""\
It is the integration key of an Events API v2 integration of one service (32 characters), and no REST API key. A service
that was deleted takes its keys with it. Accounts in Europe: url = "https://events.eu.pagerduty.com".""",
        ),
        Step(UseSpareSlackToken(), when=check_slack_token),
        Manual(
            "Give Slack a token that it takes",
            when=check_slack_token,
            how="""\
invalid_auth and token_revoked: make a new Bot User OAuth Token (xoxb-), put it into `routes` and here, start anew.
account_inactive: the app was removed from the workspace; install it again. missing_scope: add chat:write, install anew.
Then have the bot invited to the channel: that it is a member, only a message tells.""",
        ),
        Manual(
            "Open the way to Alertmanager",
            when=check_alertmanager_answers,
            how="""\
By itself it asks for no password: what refuses is the proxy before it. While it refuses us, its alerts are not silenced
during an incident, so people hear of each twice.""",
        ),
        Manual(
            "Correct the status page's address or components",
            when=check_status_page_reads,
            how="""\
Providers move their pages: open the address in a browser, and look whether /api/v2/summary.json shows JSON. A component
that was renamed is no longer judged; the nearest name is above.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(hours=1)),
    prevention=(
        # Whoever is on call is told by the recoverer sooner; this is for what it cannot see itself.
        Watch(check_scheduler, every=timedelta(minutes=15), settle=Settle(bad=2, of=3)),
        Watch(check_sentry_token, every=timedelta(hours=6)),
        Watch(check_sentry_monitors, every=timedelta(minutes=15), settle=Settle(bad=2, of=3)),
        Watch(check_betterstack_token, every=timedelta(hours=6)),
        Watch(check_heartbeats, every=timedelta(minutes=15), settle=Settle(bad=2, of=3)),
        Watch(check_pagerduty_key, every=timedelta(days=1)),
        Watch(check_slack_token, every=timedelta(hours=6)),
        Watch(check_alertmanager_answers, every=timedelta(hours=6)),
        Watch(check_status_page_reads, every=timedelta(days=1)),
    ),
    related=("monitoring/alert-configuration",),
    drills=(Drill(fault=WrongSlackToken(), noticed_by=check_slack_token, resolved_by=UseSpareSlackToken),),
)
