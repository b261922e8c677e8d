"""Ways to break a mail server: a password that it refuses, an expired certificate, a closed port."""

from __future__ import annotations

import time

from tasks.fault import Fault
from tasks.mail.told import Told, refuse_password, tell, untell
from tasks.model import CannotLook
from tasks.service.system import MailService
from tasks.smtp.stages import Stage
from tasks.smtp.system import SmtpServer

STARTS_WITHIN_S = 30.0
POLL_S = 0.2


class RefuseSmtpPassword(Fault):
    """Revoke the application's SMTP password, and tell nobody."""

    def cause(self, smtp: SmtpServer) -> Told:
        return refuse_password(smtp)

    def cure(self, trouble: Told) -> None:
        untell(trouble)


class ShowExpiredCertificate(Fault):
    """Show a certificate that has expired, until the mail server is restarted."""

    def cause(self, smtp: SmtpServer) -> Told:
        return tell(smtp, certificate="expired")

    def cure(self, trouble: Told) -> None:
        untell(trouble)


class StopMailServer(Fault):
    """Stop the mail server."""

    def cause(self, smtp: SmtpServer, mail_service: MailService) -> tuple[SmtpServer, MailService]:
        mail_service.halt()
        return smtp, mail_service

    def cure(self, trouble: tuple[SmtpServer, MailService]) -> None:
        """Start it unless the step under rehearsal has; come back when it answers.

        Raises:
            CannotLook: it does not.
        """
        smtp, service = trouble
        if not service.running():
            service.start_again()
        until = time.monotonic() + STARTS_WITHIN_S
        while (stopped := smtp.visit(Stage.HELLO).stopped) is not None:
            if time.monotonic() > until:
                raise CannotLook(stopped.says)
            time.sleep(POLL_S)
