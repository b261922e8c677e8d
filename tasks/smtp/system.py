"""The door to the server that mail is handed to: one visit, stage by stage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from tasks.mail.server import Mailbox, MailServer, Port, Security
from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.smtp.stages import Stage, Visit, Visitor, visit

# A name of ours, or an address in brackets.
Helo = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:\[\]_-]+$", max_length=255)]


# What is asked of a server that has let us in.
LOGGED_IN = frozenset({Stage.LOGIN, Stage.SENDER, Stage.MESSAGE})


class SmtpServer(MailServer):
    """Where an application hands in its mail.

    `sender` is what it writes from; `recipient` is a mailbox of ours for test messages, and nobody else's.
    """

    kind: ClassVar[str] = "smtp"
    config_lines: ClassVar[str] = (
        'host = "smtp.example.com"\n'
        "port = 587\n"
        'username = "app@example.com"\n'
        'password = "${SMTP_PASSWORD}"\n'
        'sender = "app@example.com"\n'
        'recipient = "mail-test@example.com"  # a mailbox of yours, which [….systems.imap] can read'
    )

    port: Port = 587
    security: Security = "starttls"
    sender: Mailbox | None = None
    recipient: Mailbox | None = None
    # How we introduce ourselves; without it, by our address.
    helo: Helo | None = None

    def visit(self, last: Stage, *, password: SecretStr | None = None, message: bytes | None = None) -> Visit:
        """Go as far as `last`, or as far as it goes. A `message` is handed in at the last stage, and not otherwise.

        Raises:
            Refused: a file we need ourselves cannot be used.
        """
        # A password file that is missing keeps nobody from seeing whether the server answers.
        logs_in = self.username is not None and last in LOGGED_IN
        who = (str(self.username), password or self.secret()) if logs_in else None
        visitor = Visitor(
            server=self,
            trusted=self.trusted(),
            until=time.monotonic() + self.limit_s,
            helo=self.helo,
            login=who,
            sender=self.sender,
            recipient=self.recipient,
            message=message,
        )
        return visit(visitor, last)

    def accepts(self, password: SecretStr) -> bool:
        seen = self.visit(Stage.LOGIN, password=password)
        stopped = seen.stopped
        if stopped is not None and (stopped.stage is not Stage.LOGIN or stopped.verdict is Verdict.UNKNOWN):
            raise CannotLook(stopped.says, remedy=stopped.remedy)
        return stopped is None

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks. No mail is sent."""
        try:
            seen = self.visit(Stage.LOGIN)
        except Refused as error:
            yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            return
        if seen.stopped is not None:
            yield Finding(verdict=seen.stopped.verdict, says=seen.stopped.says, remedy=seen.stopped.remedy)
            return
        who = f" as {self.username}" if self.username else ""
        yield Finding(verdict=Verdict.OK, says=f"{self.address} lets us in{who}.")
        if not (self.sender and self.recipient):
            yield Finding(
                verdict=Verdict.WARN,
                says="No test message can be sent: `sender` and `recipient` are not both set.",
                remedy='sender = "app@example.com"\nrecipient = "mail-test@example.com"',
            )
