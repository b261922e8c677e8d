"""What can be put right from here about our client: the spare secret, and the redirect URI that is registered."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from pydantic import SecretStr

from tasks import secret_file
from tasks.action import Action
from tasks.calendar.provider import Knock
from tasks.calendar.system import REDIRECT, SECRET, Calendar, Client
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row

LOSES = "Nothing: what is replaced is kept beside the file. Whoever reads the file only at its start must be restarted."


class _Put(Action):
    """Put something into the file where the application finds it, of each client that needs it."""

    noun: ClassVar[str]
    # By a mark where it is secret, else as it is.
    hidden: ClassVar[bool]

    @abstractmethod
    def file(self, client: Client) -> Path | None:
        """Where the application finds it."""

    @abstractmethod
    def spare(self, client: Client) -> SecretStr | None:
        """What can be put there."""

    @abstractmethod
    def tried(self, calendar: Calendar, client: Client, value: SecretStr) -> Knock:
        """What the vendor says of it."""

    def plan(self, calendar: Calendar) -> Plan:
        commands: list[Command] = []
        evidence: list[Row] = []
        why: list[str] = []
        for client in calendar.clients:
            file, spare = self.file(client), self.spare(client)
            if file is None or spare is None:
                continue
            now = secret_file.read(file, self.noun)
            first = self.tried(calendar, client, now)
            if first.reason is None or not first.reason.about_client:
                continue
            second = self.tried(calendar, client, spare)
            evidence.append({"vendor": client.vendor, "now": first.says, "then": second.says})
            if second.reason is not None:
                why.append(f"{client.name} refuses the other one, too: {second.reason.means}.")
                continue
            commands.append(self._command(client, self.shown(now), self.shown(spare)))
            why.append(f"{client.name} refuses {self.shown(now)}, and takes {self.shown(spare)}: both were tried.")
        does = " ".join(why) or "Nothing to put in place: no client is refused whose file and spare one we know."
        return _plan(does, commands, self.noun, len(calendar.clients), evidence)

    def apply(self, calendar: Calendar, plan: Plan) -> Outcome:
        said: list[str] = []
        left: list[Row] = []
        for command in plan.commands:
            client = _client(calendar, command.target)
            file, spare = self.file(client), self.spare(client)
            if file is None or spare is None or self.shown(spare) != command.target["to"]:
                raise Refused("What would be put there is not what was approved.", remedy="Open the incident again.")
            if self.shown(secret_file.read(file, self.noun)) != command.target["from"]:
                said.append(f"Somebody has changed the file for {client.name} meanwhile; it is left alone.")
                left.append(command.target)
                continue
            secret_file.put(file, spare, self.noun)
            taken = self.tried(calendar, client, spare).reason is None
            said.append(f"{client.name} {'takes' if taken else 'does not take'} what is there now.")
        return Outcome(says=" ".join(said), complete=not left, not_done=left)

    def applied(self, calendar: Calendar, plan: Plan) -> bool | None:
        return all(self.holds(calendar, command.target, "to") for command in plan.commands)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002 - what was done of it is in the plan
        """Put back what was replaced."""
        return PutBack(type(self), [command.target for command in plan.commands])

    def holds(self, calendar: Calendar, target: Row, what: str) -> bool:
        """Does the file hold what the plan calls `from` or `to`?"""
        file = self.file(_client(calendar, target))
        return file is not None and self.shown(secret_file.read(file, self.noun)) == target[what]

    def shown(self, value: SecretStr) -> str:
        """As a person tells two apart."""
        text = value.get_secret_value()
        return hashlib.sha256(text.encode()).hexdigest()[:8] if self.hidden else text

    def _command(self, client: Client, old: str, new: str) -> Command:
        file = self.file(client)
        name = file.name if file else ""
        what = f"<the secret {new}>" if self.hidden else new
        return Command(
            line=f"install {what} {name}",
            target={"vendor": client.vendor, "client": client.client_id, "from": old, "to": new},
        )


class UseSpareSecret(_Put):
    """Put the spare client secret where the application finds its secret.

    Only while the vendor refuses the one that is there, and takes the spare one: both are tried first, without any
    user's token. Neither is ever shown. Tokens that are stored stay good.
    """

    noun = SECRET
    hidden = True

    def file(self, client: Client) -> Path | None:
        return client.secret_file

    def spare(self, client: Client) -> SecretStr | None:
        return client.spare_secret

    def tried(self, calendar: Calendar, client: Client, value: SecretStr) -> Knock:
        return calendar.at(client).client(value)


class UseRegisteredRedirect(_Put):
    """Put the registered redirect URI where the application finds the one it sends.

    Only while the vendor refuses the one that is there, and takes the registered one.
    """

    noun = REDIRECT
    hidden = False

    def file(self, client: Client) -> Path | None:
        return client.redirect_file

    def spare(self, client: Client) -> SecretStr | None:
        return SecretStr(client.redirect_uri)

    def tried(self, calendar: Calendar, client: Client, value: SecretStr) -> Knock:
        return calendar.at(client).redirect(value.get_secret_value(), client.asked_scopes())


class PutBack(Action):
    """Put back what was replaced in a file of the application's.

    Only while the file still holds what we put there.
    """

    undo = NoWayBack(loses="Nothing: the same can be put in place again.")

    def __init__(self, of: type[_Put], targets: list[Row]) -> None:
        """`targets` as they were put in place by that action."""
        self.of = of()
        self.targets = targets

    def plan(self, calendar: Calendar) -> Plan:
        still = [one for one in self.targets if self.of.holds(calendar, one, "to") and self._beside(calendar, one)]
        commands = [Command(line=f"put {one['from']} back for {one['vendor']}", target=one) for one in still]
        does = f"Put the old {self.of.noun} back in {len(still)} of {len(self.targets)} files."
        return _plan(does, commands, self.of.noun, len(calendar.clients))

    def apply(self, calendar: Calendar, plan: Plan) -> Outcome:
        left: list[Row] = []
        for command in plan.commands:
            file = self.of.file(_client(calendar, command.target))
            good = self.of.holds(calendar, command.target, "to") and self._beside(calendar, command.target)
            if file is None or not good or not secret_file.put_back(file, self.of.noun):
                left.append(command.target)
        return Outcome(says=f"{len(plan.commands) - len(left)} put back.", complete=not left, not_done=left)

    def applied(self, calendar: Calendar, plan: Plan) -> bool | None:
        return all(self.of.holds(calendar, command.target, "from") for command in plan.commands)

    def _beside(self, calendar: Calendar, target: Row) -> bool:
        """Is what lies beside the file what was replaced?"""
        file = self.of.file(_client(calendar, target))
        if file is None or not secret_file.kept(file).exists():
            return False
        return self.of.shown(secret_file.read(secret_file.kept(file), self.of.noun)) == target["from"]


def _client(calendar: Calendar, target: Row) -> Client:
    for client in calendar.clients:
        if (client.vendor, client.client_id) == (target["vendor"], target["client"]):
            return client
    raise Refused("The client that was approved is not configured any more.", remedy="Open the incident again.")


def _plan(does: str, commands: list[Command], noun: str, total: int, evidence: list[Row] | None = None) -> Plan:
    return Plan(
        does=does,
        commands=tuple(commands),
        blast_radius=BlastRadius(touched=len(commands), total=max(total, 1), noun=f"{noun} files"),
        risk=Risk.MODERATE,
        loses=LOSES,
        evidence=evidence or [],
        language="sh",
    )
