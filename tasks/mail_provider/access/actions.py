"""What can be changed about how we send: pause and resume, put the spare key in place, start the workers again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr

from tasks import secret_file
from tasks.action import Action
from tasks.mail_provider.access.checks import REFUSED_KEY
from tasks.mail_provider.system import MailProvider
from tasks.mail_provider.told import Knock, Sending
from tasks.model import BlastRadius, CannotLook, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.service.restarts import has_restarted, no_plan, plan_of, restarted
from tasks.service.system import ApplicationService

NOUN = "key"
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
        file, spare = mail_provider.key_file, mail_provider.spare_key
        if file is None or spare is None:
            raise Refused(
                "There is no spare key that could be put in place.",
                remedy='key_file = "/run/secrets/mail-provider-key"\nspare_key = "${MAIL_PROVIDER_SPARE_KEY}"',
            )
        now = mail_provider.key_now()
        first, second = (mail_provider.api(key).knock() for key in (now, spare))
        old, new = fingerprint(now), fingerprint(spare)
        reason = _why_not(first, second, same=old == new)
        commands = (_put(file.as_posix(), old, new),) if not reason else ()
        return Plan(
            does=reason or f"Put the spare key {new} in place of {old}, which {mail_provider.said} refuses.",
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=1, noun="key files"),
            # A key that was revoked on purpose, because somebody else has it, is no reason to hurry.
            risk=Risk.MODERATE,
            loses="The spare key is in use then: make another one. Whoever reads the file only at its start must be "
            "restarted.",
            evidence=[{"key": old, **_seen(first)}, {"key": new, **_seen(second)}],
            language="sh",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        file, spare = mail_provider.key_file, mail_provider.spare_key
        planned = plan.commands[0].target
        if file is None or spare is None or fingerprint(spare) != planned["to"]:
            raise Refused("The spare key is not the one that was approved.", remedy="Open the incident again.")
        if fingerprint(mail_provider.key_now()) != planned["from"]:
            raise Refused(f"Somebody has put another key into {file} meanwhile; it is left alone.")
        secret_file.put(file, spare, NOUN)
        knock = mail_provider.api().knock()
        return Outcome(
            says=f"{file} holds the key {planned['to']} now; {mail_provider.said} answers it {knock.status}.",
            complete=_taken(knock),
        )

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return fingerprint(mail_provider.key_now()) == plan.commands[0].target["to"]

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
        file = _file_of(mail_provider)
        here, there = _here_and_kept(mail_provider)
        fits = (here, there) == (self.now, self.back)
        does = f"Put the key {self.back} back in place of {self.now}."
        return Plan(
            does=does if fits else f"Nothing to put back: {file} holds {here}, and beside it lies {there or 'none'}.",
            commands=(_put(file.as_posix(), self.now, self.back),) if fits else (),
            blast_radius=BlastRadius(touched=int(fits), total=1, noun="key files"),
            risk=Risk.MODERATE,
            loses="Nothing.",
            language="sh",
        )

    def apply(self, mail_provider: MailProvider, plan: Plan) -> Outcome:
        file, planned = _file_of(mail_provider), plan.commands[0].target
        if _here_and_kept(mail_provider) != (planned["from"], planned["to"]):
            raise Refused(f"{file} holds another key by now, or the old one is gone; it is left alone.")
        secret_file.put_back(file, NOUN)
        return Outcome(says=f"{file} holds the key {planned['to']} again.", complete=True)

    def applied(self, mail_provider: MailProvider, plan: Plan) -> bool | None:
        return fingerprint(mail_provider.key_now()) == plan.commands[0].target["to"]


class RestartWorkers(Action):
    """Restart the application that sends, so that its workers begin anew.

    Through the environment's `application_service`; only while the provider takes our key and our requests: as long as
    it refuses, a restart changes nothing and uses up the jobs' attempts.
    """

    undo = NoWayBack(loses="Jobs under way are broken off. One that had handed its mail over may hand it over again.")

    def plan(self, mail_provider: MailProvider, application_service: ApplicationService) -> Plan:
        knock = mail_provider.api().knock()
        if not _taken(knock):
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


def fingerprint(key: SecretStr) -> str:
    """By which a person tells two keys apart; of a random key it gives nothing away."""
    return hashlib.sha256(key.get_secret_value().encode()).hexdigest()[:8]


def _taken(knock: Knock) -> bool:
    return knock.restricted or 200 <= knock.status < 300


def _why_not(first: Knock, second: Knock, *, same: bool) -> str:
    """Why the key is not replaced; empty if it is to be.

    Raises:
        Refused: the spare one would not help. CannotLook: it cannot be told.
    """
    if _taken(first):
        return "Nothing to replace: the key that is there is taken."
    if first.status not in REFUSED_KEY:
        raise CannotLook(f"Whether the key is good cannot be told: {first.line} is answered {first.status}.")
    if same:
        raise Refused("The spare key is the one that is refused.", remedy="Make a new one, and configure it.")
    if not _taken(second):
        raise Refused(
            f"The spare key is answered {second.status}, too" + (f": “{second.says}”." if second.says else "."),
            remedy="Make a new key at the provider, and put it in place by hand.",
        )
    return ""


def _put(file: str, old: str, new: str) -> Command:
    # By fingerprints alone: where a home folder is configured as a secret, as the lab's is, its paths are masked.
    return Command(line=f"install <the key {new}> {file}", target={"from": old, "to": new})


def _seen(knock: Knock) -> Row:
    return {"asked": knock.line, "status": knock.status, "says": knock.says}


def _here_and_kept(mail_provider: MailProvider) -> tuple[str, str]:
    """Fingerprints: of the key in use, and of the one beside it; empty where none is."""
    beside = secret_file.kept(_file_of(mail_provider))
    return fingerprint(mail_provider.key_now()), fingerprint(secret_file.read(beside, NOUN)) if beside.exists() else ""


def _file_of(mail_provider: MailProvider) -> Path:
    if mail_provider.key_file is None:
        raise Refused("This provider's key is in no file.", remedy="Set `key_file`.")
    return mail_provider.key_file
