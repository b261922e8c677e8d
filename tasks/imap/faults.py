"""Ways to hold up the reading of replies: a password that is refused, and replies to mails that nobody sent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from tasks.fault import Fault
from tasks.imap.actions import ASIDE
from tasks.imap.system import ImapServer
from tasks.mail.told import Told, refuse_password, untell

REPLIES = 6


class RefuseImapPassword(Fault):
    """Revoke the reply reader's password, and tell nobody."""

    def cause(self, imap: ImapServer) -> Told:
        return refuse_password(imap)

    def cure(self, trouble: Told) -> None:
        untell(trouble)


@dataclass(frozen=True)
class Put:
    """What lies in which mailbox by our doing."""

    imap: ImapServer
    message_ids: tuple[str, ...]


class AnswerWhatWasNeverSent(Fault):
    """Put replies into the mailbox that answer mails nobody sent."""

    def cause(self, imap: ImapServer) -> Put:
        put = Put(imap, tuple(f"<{secrets.token_hex(12)}@leads.test>" for _ in range(REPLIES)))
        with imap.mailbox(write=True) as mailbox:
            for message_id in put.message_ids:
                mailbox.append(_reply(message_id))
        return put

    def cure(self, trouble: Put) -> None:
        for folder in (trouble.imap.folder, ASIDE):
            there = trouble.imap.model_copy(update={"folder": folder})
            if folder == ASIDE and not trouble.imap.has(ASIDE):
                continue
            with there.mailbox(write=True) as mailbox:
                for message_id in trouble.message_ids:
                    mailbox.remove(mailbox.find(message_id))


def _reply(message_id: str) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = "lead@leads.test", "replies@lab.test"
    message["Subject"] = "Re: your mail"
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = message_id
    message["In-Reply-To"] = f"<{secrets.token_hex(12)}@unknown.test>"
    message.set_content("Yes, please call me.\n")
    return message.as_bytes()
