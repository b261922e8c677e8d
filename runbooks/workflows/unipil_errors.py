"""Unipile refuses, times out, or has lost the accounts through which the application speaks on LinkedIn."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.application.asking.actions import SlowDownUnipile, SlowDownUnipileInTimeOuts
from tasks.application.asking.faults import LimitUnipile, TimeOutUnipile
from tasks.unipile.actions import MakeReconnectLinks, UseSpareUnipileKey
from tasks.unipile.checks import (
    check_unipile_accounts,
    check_unipile_answers,
    check_unipile_key,
    check_unipile_latency,
    check_unipile_rate_limit,
    check_unipile_status,
)
from tasks.unipile.faults import DisconnectAccount, RevokeUnipileKey

runbook = Runbook(
    title="Unipile fails, or has lost an account",
    problem=(
        "What the application does on LinkedIn through Unipile fails: our key is refused, we are held back, requests "
        "time out on the way, or an account is disconnected and its user has to connect it again."
    ),
    severity=Severity.P2,
    keywords=(
        "unipile",
        "unipil",
        "linkedin",
        "whatsapp",
        "messages",
        "account disconnected",
        "credentials",
        "reconnect",
        "checkpoint",
        "api key",
        "401",
        "403",
        "429",
        "504",
        "timeout",
        "rate limit",
        "errors/disconnected_account",
        "errors/too_many_requests",
    ),
    symptoms=(
        Symptom(alert="UnipileErrors"),
        Symptom(alert="UnipileAccountDisconnected"),
        Symptom(alert="UnipileRateLimited"),
        Symptom(heard="Workflows fail at the step that writes on LinkedIn."),
        Symptom(heard="No new messages come in from LinkedIn, and nothing is logged."),
        Symptom(heard="A user changed their LinkedIn password, and nothing is sent for them since."),
    ),
    diagnosis=(
        check_unipile_answers,
        check_unipile_status,
        check_unipile_key,
        check_unipile_rate_limit,
        check_unipile_latency,
        check_unipile_accounts,
    ),
    resolution=(
        Step(UseSpareUnipileKey(), when=check_unipile_key),
        Manual(
            "Make a new token, and put it in place",
            when=check_unipile_key,
            how="""\
In Unipile's dashboard, under Access Tokens: was ours revoked, or has it ended? Make one with the same rights, put it
where the application reads it, restart what reads it only at its start, then revoke the old one. A 401 that speaks of
one account (errors/disconnected_account, or provider/…) is none of that: the key is good.""",
        ),
        Step(SlowDownUnipile(), when=check_unipile_rate_limit),
        Manual(
            "Spread what is done on LinkedIn over the day",
            when=check_unipile_rate_limit,
            how="""\
LinkedIn watches each account, not us: many of the same in a short time (invitations, profile visits, first messages)
get an account restricted, and that is its user's loss. Wait as Unipile says; let an account do a few an hour, at uneven
times, fewer while it is new. What is refused is tried again tomorrow, not at once.""",
        ),
        Step(SlowDownUnipileInTimeOuts(), when=check_unipile_answers),
        Manual(
            "Wait for Unipile, and send nothing twice",
            when=check_unipile_answers,
            how="""\
Its status page says more than we can see. A 504 (errors/request_timeout), and a request that was broken off, may have
been carried out: before a message or an invitation is sent again, look at the chat or the list of invitations whether
it is there. A 503 of one provider passes; set the application's time limit to a minute at least: LinkedIn takes that
long at times. Then try again what failed, once.""",
        ),
        Manual(
            "Wait longer for Unipile",
            when=check_unipile_latency,
            how="""\
The value is how long a list with one account takes, which asks nobody else. What goes on to LinkedIn takes this and ten
to thirty seconds more: a time limit of a minute does for both. While it is slow, ask less at once.""",
        ),
        Step(MakeReconnectLinks(), when=check_unipile_accounts),
        Manual(
            "Have the accounts connected again",
            when=check_unipile_accounts,
            how="""\
The rows name each account and what is wrong with it; the application knows whose it is. CREDENTIALS, DISCONNECTED: its
user connects it again, by the link that the step above has made, or by the application's own page for that; write to
them what does not work meanwhile. PERMISSIONS: the same, and nothing may be left out on LinkedIn's page. STOPPED,
ERROR: resync it in Unipile's dashboard, else ask Unipile's support. Until then what was read before is shown, and
nothing new comes in. Afterwards try again, once, what failed for these accounts.""",
        ),
    ),
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=30)),
    prevention=(
        # A gateway's bad minute is none of ours; what lasts ten is.
        Watch(check_unipile_answers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_unipile_rate_limit, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_unipile_latency, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_unipile_key, every=timedelta(minutes=15)),
        # Connecting again by itself takes Unipile some minutes.
        Watch(check_unipile_accounts, every=timedelta(minutes=15), settle=Settle(bad=2, of=2)),
    ),
    related=("workflows/claude-timeouts",),
    drills=(
        Drill(fault=RevokeUnipileKey(), noticed_by=check_unipile_key, resolved_by=UseSpareUnipileKey),
        Drill(fault=LimitUnipile(), noticed_by=check_unipile_rate_limit, resolved_by=SlowDownUnipile),
        Drill(fault=TimeOutUnipile(), noticed_by=check_unipile_answers, resolved_by=SlowDownUnipileInTimeOuts),
        Drill(fault=DisconnectAccount(), noticed_by=check_unipile_accounts, resolved_by=MakeReconnectLinks),
    ),
)
