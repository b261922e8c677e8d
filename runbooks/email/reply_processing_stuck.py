"""Replies are not worked through: nobody gets into the mailbox, they lie unread, or they match no mail of ours."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.application.workflows.checks import check_workflow_errors
from tasks.imap.actions import SetUnmatchedRepliesAside, UseSpareImapPassword
from tasks.imap.again import ReadRepliesAgain
from tasks.imap.checks import check_imap_login, check_unseen_replies
from tasks.imap.faults import AnswerWhatWasNeverSent, RefuseImapPassword
from tasks.imap.handled import check_unhandled_replies
from tasks.imap.matching import check_reply_matching
from tasks.status_page.checks import check_provider_status

runbook = Runbook(
    title="Replies are not worked through",
    problem=(
        "Leads answer, and the application does not take notice: the reader does not get into the mailbox, the replies "
        "lie unread, match no mail that was sent, or fail to be classified. Whoever answered gets the next mail of the "
        "campaign all the same."
    ),
    severity=Severity.P2,
    keywords=(
        "reply",
        "replies",
        "reply processing",
        "imap",
        "inbox",
        "unread",
        "unseen",
        "thread",
        "in-reply-to",
        "message-id",
        "classification",
        "classify",
        "app password",
        "authenticationfailed",
    ),
    symptoms=(
        Symptom(alert="ReplyProcessingStuck"),
        Symptom(alert="ImapLoginFailed"),
        Symptom(heard="Leads say that they have answered, and still get mails of the campaign."),
        Symptom(heard="No reply has been seen in the application since yesterday."),
        Symptom(heard="The reader logs 'AUTHENTICATIONFAILED' or 'Invalid credentials'."),
    ),
    diagnosis=(
        check_imap_login,
        check_unseen_replies,
        check_reply_matching,
        check_unhandled_replies,
        check_workflow_errors,
        # Of whoever classifies them, where its status page is configured.
        check_provider_status,
    ),
    resolution=(
        Step(UseSpareImapPassword(), when=check_imap_login),
        Step(SetUnmatchedRepliesAside(), when=check_reply_matching),
        Step(ReadRepliesAgain(), when=check_unhandled_replies),
        Manual(
            "Set host, name and password",
            when=check_imap_login,
            how="""\
The finding quotes the server. A refused login: many providers want a password made for applications, or IMAP switched
on in the account's settings first; after a changed password all older ones are void. Write the new one where the reader
and `imap` read it, and restart what reads it only when it starts. Each inbox has its own host and port: one that was
added with fields of another order reads its password from the wrong one.""",
        ),
        Manual(
            "Start the reader again",
            when=check_unseen_replies,
            how="""\
We get in and the mails lie unread, so nobody fetches them. Look whether the reader's workflow runs (active, last
success), and for one run that hangs: a second is not begun before it ends. Run it once by hand and watch the oldest
mail go.

Before a large backlog is worked through, pause what is sent to those who have answered.""",
        ),
        Manual(
            "Find out why they match nothing",
            when=check_reply_matching,
            how="""\
Compare an In-Reply-To of them with what is kept of a mail that was sent. Providers replace the Message-ID (Amazon SES:
its own id @email.amazonses.com): keep the one that their answer names, not the one you made. Other reasons: brackets on
one side only, ids cut off by a short column, mails sent by hand from the same mailbox, and forwarded ones.

What lies in “Unmatched” is classified by hand: stop the campaign for whoever says no; answer whoever asks.""",
        ),
        Manual(
            "Classify by hand",
            when=check_workflow_errors,
            how="""\
If what fails is the classification: read the failed replies, oldest first, and write down for each whether it is
interested, not interested, absent, or wants no more mail. Unsubscribes first: they count from when they were written.
A rate limit or an outage of the AI provider passes; a changed model name or an answer that is no JSON does not.""",
        ),
        Manual(
            "Wait for the provider",
            when=check_provider_status,
            how="""\
The provider reports trouble of its own. Replies wait in the mailbox and are not lost. Pause campaigns to those who may
have answered meanwhile, note the provider's incident number here, and look again when it says that it is over.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=15)),
    prevention=(
        # Every look is a login: seldom enough that a wrong password locks no account.
        Watch(check_imap_login, every=timedelta(minutes=15)),
        Watch(check_unseen_replies, every=timedelta(minutes=15)),
        Watch(check_reply_matching, every=timedelta(minutes=30)),
        Watch(check_unhandled_replies, every=timedelta(hours=1)),
    ),
    related=("email/smtp-configuration",),
    drills=(
        Drill(fault=RefuseImapPassword(), noticed_by=check_imap_login, resolved_by=UseSpareImapPassword),
        Drill(fault=AnswerWhatWasNeverSent(), noticed_by=check_reply_matching, resolved_by=SetUnmatchedRepliesAside),
    ),
)
