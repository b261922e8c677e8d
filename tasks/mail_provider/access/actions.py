"""What can be changed about how we send: pause and resume, put the spare key in place, start the workers again."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from tasks import spare_key
from tasks.action import Action
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Knock, Sending
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Risk, Row
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService

PAUSED, OPEN = Sending.PAUSED, Sending.OPEN
LOSES_BY_PAUSE = (
    "Whatever the application hands over meanwhile is refused, password resets included: what it does not try again by "
    "itself is not sent."
)


class _Turn(Action):
    """Pause or resume, as far as the vendor allows."""

    undo: ClassVar[NoWayBack | Callable[..., Action]] = NoWayBack(
        loses="What goes out meanwhile cannot be called back; pausing again is a step of its own."
    )
    to: ClassVar[Sending]
    verb: ClassVar[str]

    def plan(self, mail_provider: MailProvider) -> Plan:
        api = mail_provider.api()
        # Not how we stand in all: where the provider is in trouble, that is not told.
        switch, paused = api.switch(), api.is_paused()
        line = switch.pause_line if self.to is PAUSED else switch.resume_line
        target: Row = {"vendor": mail_provider.vendor, "domain": mail_provider.domain, "to": str(self.to)}
        commands: tuple[Command, ...] = (Command(line=line, target=target),)
        does = f"{self.verb} at {api.name} {switch.holds_up}."
        if paused is (self.to is PAUSED):
            does, commands = f"Nothing to do: at {api.name} sending is {self.to} already.", ()
        elif self.to is OPEN and (standing := api.standing()).sending is Sending.STOPPED:
            does, commands = f"Nothing to do: {api.name} itself has stopped us: {standing.says}.", ()
        return Plan(
            does=does,
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=1, noun="ways to send at the provider"),
            risk=Risk.HIGH if self.to is PAUSED else Risk.MODERATE,
            loses=LOSES_BY_PAUSE if self.to is PAUSED else "Nothing.",
            evidence=[{"paused": paused}],
            language="http",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:  # noqa: ARG002 - it has one command
        api = mail_provider.api()
        if self.to is PAUSED:
            api.pause()
        else:
            api.resume()
        paused = api.is_paused()
        return Outcome(
            says=f"{api.name} says that sending is {PAUSED if paused else OPEN}.",
            complete=paused is (self.to is PAUSED),
        )

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:  # noqa: ARG002
        return mail_provider.api().is_paused() is (self.to is PAUSED)


class ResumeSending(_Turn):
    """Resume sending at the mail provider.

    What the application tries again goes out at once. What the provider itself has stopped, it alone can let go.
    """

    to = OPEN
    verb = "Resume"


class PauseSending(_Turn):
    """Pause all sending at the mail provider.

    As small as the vendor allows: a subaccount of Mailgun, a subuser of SendGrid, a domain of Resend, the account of
    Amazon SES in its region. What was handed over before still goes out.
    """

    to = PAUSED
    verb = "Pause"

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Resume sending."""
        return ResumeSending()


class PauseAtLimit(PauseSending):
    """Pause sending at the mail provider until it takes requests again.

    A sender that goes on asking is held back for longer. Resume when the limit is over, at a lower pace.
    """


class PauseInOutage(PauseSending):
    """Pause sending at the mail provider while it is in trouble.

    Only where its accounts can still be managed. Jobs that are refused use up their attempts otherwise; and what timed
    out may have been sent.
    """


class UseSpareKey(Action):
    """Put the spare key where the application finds its key.

    Only while the provider refuses the one that is there, and takes the spare one: both are tried first. Neither is
    ever shown; a fingerprint tells them apart. The replaced key is kept beside the file, as private as it was.
    """

    def plan(self, mail_provider: MailProvider) -> Plan:
        return spare_key.use_plan(mail_provider)

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        return spare_key.use(mail_provider, plan)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return spare_key.is_there(mail_provider, plan)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced key back."""
        return PutKeyBack(now=str(plan.commands[0].target["to"]), back=str(plan.commands[0].target["from"]))


class PutKeyBack(Action):
    """Put the replaced key back.

    Only if the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the spare key is configured, and can be put in place again.")

    def __init__(self, now: str, back: str) -> None:
        """Fingerprints: of the key that is there, and of the one that was."""
        self.now, self.back = now, back

    def plan(self, mail_provider: MailProvider) -> Plan:
        return spare_key.back_plan(mail_provider, self.now, self.back)

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        return spare_key.back(mail_provider, plan)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return spare_key.is_there(mail_provider, plan)


class RestartWorkers(Action):
    """Restart the application that sends, so that its workers begin anew.

    Through the environment's `application_service`; only while the provider takes our key and our requests: as long as
    it refuses, a restart changes nothing and uses up the jobs' attempts.
    """

    undo = NoWayBack(loses="Jobs under way are broken off. One that had handed its mail over may hand it over again.")

    def plan(self, mail_provider: MailProvider, application_service: ApplicationService) -> Plan:
        knock = mail_provider.api().knock()
        if not knock.taken:
            does = (
                f"Nothing to restart: {mail_provider.said} answers {knock.status}, and a restart does not change that."
            )
            return no_plan(does, noun="applications", loses=self.undo.loses)
        return plan_of(
            application_service,
            "Restart the application that sends.",
            noun="applications",
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[_seen(knock)],
        )

    # The provider is asked for the plan only; `apply` and `applied` are handed the same systems.
    def apply(self, mail_provider: MailProvider, application_service: ApplicationService, plan: Plan) -> Outcome:  # noqa: ARG002
        return restarted(application_service, plan)

    def applied(
        self,
        mail_provider: MailProvider,  # noqa: ARG002
        application_service: ApplicationService,
        plan: Plan,
    ) -> bool | None:
        return has_restarted(application_service, plan)


def _seen(knock: Knock) -> Row:
    return {"asked": knock.line, "status": knock.status, "says": knock.says}
