"""A test message, handed in as the application does, and seen in the mailbox it was sent to."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from tasks.check import check
from tasks.imap.system import ImapServer
from tasks.model import Finding, Refused, Threshold, Verdict
from tasks.smtp.checks import facts_of, stopped
from tasks.smtp.stages import Stage
from tasks.smtp.system import SmtpServer

ARRIVAL = Threshold(
    warn=10,
    bad=30,
    because="Owner: the team on call. In seconds, from handed in to lying in a mailbox of ours. Providers deliver in a "
    "few seconds; a password reset that comes later than half a minute is asked for a second time.",
)
POLL_S = 0.5
# Longer than the wait itself, for both logins.
LIMIT = timedelta(seconds=75)


@check(limit=LIMIT, retries=0)
def check_smtp_test_message(smtp: SmtpServer, test_mailbox: ImapServer, arrival: Threshold = ARRIVAL) -> Finding:
    """Does a test message arrive in our mailbox, and how long does it take?

    The one question that leaves something: a message to `recipient`, which is removed once it was seen. Asked once, not
    again. If it lands among the spam of that mailbox, it has not arrived.
    """
    if not (smtp.sender and smtp.recipient):
        raise Refused(
            "No test message can be sent: `sender` and `recipient` are not both set.",
            remedy='sender = "app@example.com"\nrecipient = "mail-test@example.com"  # a mailbox of yours',
        )
    message_id = f"<{secrets.token_hex(12)}@{smtp.sender.rpartition('@')[2]}>"
    seen = smtp.visit(Stage.MESSAGE, message=_message(smtp.sender, smtp.recipient, message_id))
    if found := stopped(seen, Stage.SENDER, Stage.MESSAGE):
        return found
    took_s = _arrived(test_mailbox, message_id, arrival.bad)

    way = f"from {smtp.sender} to {smtp.recipient}"
    if took_s is None:
        return Finding(
            verdict=Verdict.BAD,
            says=f"The test message {way} was taken by {smtp.address}, and lies after {arrival.bad:g} s not in "
            f"{test_mailbox.folder} at {test_mailbox.address}.",
            remedy=f"Look into the mailbox's spam folder, and in your provider's log of deliveries for {message_id}.",
            facts=facts_of(seen),
        )
    return Finding(
        verdict=arrival.judge(took_s),
        says=f"The test message {way} arrived after {took_s:.1f} s (bad from {arrival.bad:g} s).",
        value=took_s,
        unit="s",
        facts=facts_of(seen),
    )


def _message(sender: str, recipient: str, message_id: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = sender, recipient
    message["Subject"] = "Test message"
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = message_id
    # Nobody's absence is to be told to it (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("Sent by incident-pipelines to see whether mail arrives. It is removed once it was seen.\n")
    return message.as_bytes()


def _arrived(mailbox: ImapServer, message_id: str, within_s: float) -> float | None:
    """Seconds until it lay there, then removed; None: it did not come.

    Raises:
        CannotLook, Refused: the mailbox cannot be looked into.
    """
    begun = time.monotonic()
    with mailbox.mailbox(write=True, limit_s=within_s + mailbox.limit_s) as opened:
        while True:
            uids, took_s = opened.find(message_id), time.monotonic() - begun
            if uids:
                opened.remove(uids)
                return took_s
            if took_s >= within_s:
                return None
            time.sleep(POLL_S)
            opened.refresh()
