"""What can be mended from here about a mail server: restart it, or give the application its spare password."""

from __future__ import annotations

from tasks.action import Action
from tasks.mail import spare
from tasks.model import NoWayBack, Outcome, Plan, Risk, Row
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import MailService
from tasks.smtp.stages import Stage, Visit
from tasks.smtp.system import SmtpServer

NOUN = "mail servers"
INTERRUPTS = (
    "Messages that are being handed in are broken off and handed in again by who sends them; what the server has taken "
    "lies in its queue and stays."
)


class _Restart(Action):
    """A restart of the mail server, through the environment's `mail_service`."""

    undo = NoWayBack(loses=INTERRUPTS)

    # The mail server is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, smtp: SmtpServer, mail_service: MailService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(mail_service, plan)

    def applied(self, smtp: SmtpServer, mail_service: MailService, plan: Plan) -> bool | None:  # noqa: ARG002
        return has_restarted(mail_service, plan)


class RestartMailServer(_Restart):
    """Restart the mail server.

    Only while it does not answer or greet: a password, a certificate or an address is not changed by a restart.
    """

    def plan(self, smtp: SmtpServer, mail_service: MailService) -> Plan:
        seen = smtp.visit(Stage.HELLO)
        stopped = seen.stopped
        if stopped is None:
            return no_plan(f"Nothing to restart: {smtp.address} answers.", noun=NOUN, loses=self.way_back)
        if stopped.stage not in (Stage.CONNECT, Stage.BANNER, Stage.HELLO):
            return no_plan(f"A restart would not help. {stopped.says}", noun=NOUN, loses=self.way_back)
        return _planned(mail_service, f"Restart the mail server. {stopped.says}", seen)


class ShowRenewedCertificate(_Restart):
    """Restart the mail server, so that it shows its renewed certificate.

    A server shows what it read when it was started. Only while it shows one that has expired; whether a renewed one
    lies on its disk is seen afterwards.
    """

    def plan(self, smtp: SmtpServer, mail_service: MailService) -> Plan:
        seen = smtp.visit(Stage.CERTIFICATE)
        if not seen.expired:
            said = seen.stopped.says if seen.stopped else f"{smtp.address} shows a certificate that is believed."
            return no_plan(f"A restart would not help. {said}", noun=NOUN, loses=self.way_back)
        says = seen.stopped.says if seen.stopped else ""
        return _planned(mail_service, f"Restart the mail server, so that it reads its certificate again. {says}", seen)


class UseSpareSmtpPassword(Action):
    """Put the spare password in the place of the one that the mail server refuses.

    Into the file that the application reads, too, after it was tried; neither password is shown. If somebody changed
    the password because it leaked, make a new one instead.
    """

    def plan(self, smtp: SmtpServer) -> Plan:
        return spare.use_plan(smtp)

    def apply(self, smtp: SmtpServer, plan: Plan) -> Outcome:
        return spare.use(smtp, plan)

    def applied(self, smtp: SmtpServer, plan: Plan) -> bool | None:  # noqa: ARG002
        return spare.used(smtp)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the old password back into the file."""
        return PutSmtpPasswordBack()


class PutSmtpPasswordBack(Action):
    """Put the old SMTP password back."""

    undo = NoWayBack(loses="The spare password in the file; it stands in the configuration still.")

    def plan(self, smtp: SmtpServer) -> Plan:
        return spare.back_plan(smtp)

    def apply(self, smtp: SmtpServer, plan: Plan) -> Outcome:
        return spare.back(smtp, plan)

    def applied(self, smtp: SmtpServer, plan: Plan) -> bool | None:  # noqa: ARG002
        return spare.is_back(smtp)


def _planned(service: MailService, does: str, seen: Visit) -> Plan:
    evidence: list[Row] = [{"stage": step.stage.value, "says": step.says} for step in seen.steps]
    return plan_of(service, does, noun=NOUN, risk=Risk.MODERATE, loses=f"No way back. {INTERRUPTS}", evidence=evidence)
