"""A new inbox is tried, and begins its warm-up."""

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Parameter
from runbooks.playbook import Playbook
from tasks.application.inboxes.warmup import BeginWarmup, check_inbox_known, check_inbox_warmup

# Of an address no more than what finds its row: no space, no sign that a shell or a page takes for its own.
Address = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,189}$")]

INBOX = Parameter(name="inbox", says="The new inbox's address, as the application has it.", type=Address)

playbook = Playbook(
    title="Set up a new inbox",
    purpose=(
        "Takes a new inbox from its credentials to its first day of sending: its servers are tried both ways, its "
        "domain is looked at, and its warm-up begins today with five mails a day."
    ),
    keywords=("inbox", "new inbox", "warm-up", "warmup", "smtp", "imap", "mailbox", "daily limit", "add sender"),
    parameters=(INBOX,),
    prerequisites=(check_inbox_known,),
    steps=(
        Manual(
            "Try its servers both ways",
            how="""\
Its credentials are one structured secret, each part under its own name: address, password, sending server and port,
receiving server and port, display name. In one line with separators, the part that is missing shifts the others, and
replies are never read.

1. send a mail from it to a mailbox of your own, by the sending server, with a certificate that is checked;
2. see it arrive: in the inbox, not in spam, with SPF, DKIM and DMARC passed in its headers;
3. answer it, and see the answer arrive in the new inbox by the receiving server (IMAP).

Where mail servers are configured here, email/smtp-configuration asks all of this. Sign off when both ways work.""",
        ),
        Manual(
            "Look at its domain",
            how="""\
SPF, DKIM, DMARC and MX of the domain have to be published before the first mail: onboarding/domain-verification asks
them and writes the records that are missing. Sign off when they are there.""",
        ),
        Step(BeginWarmup()),
        Manual(
            "Plan the weeks of its warm-up",
            how="""\
Five mails a day in the first week, then 10, 15, 20, and from the fifth week 25, 30, 35, 40. Write to people who know
you and are likely to answer; look at email/inbox-health-degraded daily in the first week. The limit of an inbox in good
health is raised by email/emails-not-sending, or by hand, a week at a time: never above the plan.

Sign off when somebody has it in the calendar.""",
        ),
    ),
    success=(check_inbox_warmup,),
    verification=Verify(hold=timedelta(0), within=timedelta(minutes=5)),
    related=("email/inbox-health-degraded", "email/emails-not-sending"),
)
