"""What can be done about the way of alerts: send test alerts, and give a sender of ours its right secret."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar

from pydantic import SecretStr

from tasks import secret_file
from tasks.action import Action
from tasks.intake.checks import SILENT, age_s
from tasks.intake.system import AlertIntake, Source, Standing
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row, Threshold

NOUN = "secret"


class _SendTests(Action):
    """Send a test alert of each of some sources."""

    undo = NoWayBack(loses="Nothing: a test alert opens nothing, and stays in the record as what it is.")
    narrows: ClassVar[bool] = True

    def apply(self, intake: AlertIntake, plan: Plan) -> Outcome:
        rows: list[Row] = []
        for command in plan.commands:
            arrival = intake.send_test(str(command.target["source"]))
            rows.append({"source": arrival.source, "arrived": arrival.arrived, "says": arrival.says})
        lost = [row for row in rows if not row["arrived"]]
        says = f"{len(rows) - len(lost)} of {len(rows)} test alerts arrived."
        if lost:
            says += " " + " ".join(f"{row['source']}: {row['says']}" for row in lost)
        return Outcome(says=says, complete=not lost, rows=rows)

    def applied(self, intake: AlertIntake, plan: Plan) -> bool | None:
        tested = {source.name: _tested(source) for source in intake.standing().sources}
        # A test that came to nothing leaves no trace in the record.
        done = [tested.get(str(one.target["source"])) != one.target["tested"] for one in plan.commands]
        return True if all(done) else None

    def planned(self, standing: Standing, wanted: Iterable[Source], nothing: str) -> Plan:
        """One command a source; `tested` tells it from one that was sent before."""
        commands = tuple(
            Command(
                line=f"POST {standing.address}/alerts/{source.name}   # a test, signed as {source.kind} signs",
                target={"source": source.name, "tested": _tested(source)},
            )
            for source in wanted
        )
        return Plan(
            does=f"Send a signed test alert of {_listed(commands)}, and look for it in the record."
            if commands
            else nothing,
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=len(standing.sources), noun="sources"),
            risk=Risk.LOW,
            loses="Nothing.",
            language="http",
        )

    @abstractmethod
    def plan(self, *args: object, **systems: object) -> Plan: ...


class TestRefused(_SendTests):
    """Send a signed test alert of each source that is refused.

    Signed with the secret that is configured here, and sent to the address that senders use. If it arrives, the way and
    our secret are right, and the sender has another one. It opens no incident.
    """

    # To pytest a class whose name begins so is a test.
    __test__ = False

    def plan(self, intake: AlertIntake) -> Plan:  # type: ignore[override]
        standing = intake.standing()
        return self.planned(standing, [one for one in standing.sources if one.refused], "Nothing is refused.")


class TestSilent(_SendTests):
    """Send a signed test alert of each source that nothing was heard of.

    It shows that the way from the address that senders use to the record is free. It opens no incident.
    """

    __test__ = False

    def plan(self, intake: AlertIntake, silent: Threshold = SILENT) -> Plan:  # type: ignore[override]
        standing = intake.standing()
        wanted = [one for one in standing.sources if (age := age_s(one, standing)) is None or silent.judge(age)]
        return self.planned(standing, wanted, "Each was heard, or tested, of late.")


class PutSenderSecret(Action):
    """Give senders of ours the secret that they are believed by.

    Only those whose secret lies in a file that is named under `senders`, as Alertmanager's does, and holds another one.
    Neither secret is ever shown; a fingerprint tells them apart. The replaced one is kept beside the file.
    """

    narrows: ClassVar[bool] = True

    def plan(self, intake: AlertIntake) -> Plan:
        commands = tuple(
            Command(
                line=f"install <the secret {_print(sender.secret)}> {sender.secret_file}",
                target={"sender": name, "from": held, "to": _print(sender.secret)},
            )
            for name, sender in sorted(intake.senders.items())
            if (held := _print(secret_file.read(sender.secret_file, NOUN))) != _print(sender.secret)
        )
        names = ", ".join(str(command.target["sender"]) for command in commands)
        return Plan(
            does=f"Put the secret in place that {names} is believed by."
            if commands
            else "Nothing to put in place: each sender that is named under `senders` has the right secret.",
            commands=commands,
            blast_radius=BlastRadius(touched=len(commands), total=len(intake.senders), noun="senders"),
            risk=Risk.LOW,
            loses="Whoever else reads that file is given another secret, too.",
            language="sh",
        )

    def apply(self, intake: AlertIntake, plan: Plan) -> Outcome:
        rows: list[Row] = []
        for command in plan.commands:
            name, sender = str(command.target["sender"]), intake.senders.get(str(command.target["sender"]))
            if sender is None or _print(sender.secret) != command.target["to"]:
                raise Refused(f"The secret of {name} is not the one that was approved.", remedy="Open it again.")
            if _print(secret_file.read(sender.secret_file, NOUN)) != command.target["from"]:
                raise Refused(f"Somebody has given {name} another secret meanwhile; it is left alone.")
            secret_file.put(sender.secret_file, sender.secret, NOUN)
            rows.append({"sender": name, "has": command.target["to"]})
        given = ", ".join(f"{row['sender']} the secret {row['has']}" for row in rows)
        return Outcome(says=f"Given: {given}.", complete=True, rows=rows)

    def applied(self, intake: AlertIntake, plan: Plan) -> bool | None:
        return all(_held(intake, command) == command.target["to"] for command in plan.commands)

    def undo(self, plan: Plan, outcome: Outcome) -> Action:  # noqa: ARG002
        """Put the replaced secrets back."""
        return PutSecretBack(plan.commands)


class PutSecretBack(Action):
    """Put the replaced secrets of senders back.

    Only where the file still holds the one that we put there.
    """

    undo = NoWayBack(loses="Nothing: the right secret is configured, and can be put in place again.")

    def __init__(self, commands: tuple[Command, ...]) -> None:
        """What was done."""
        self.commands = commands

    def plan(self, intake: AlertIntake) -> Plan:
        fitting = tuple(
            Command(
                line=f"mv <the secret {one.target['from']}> {one.line.rpartition(' ')[2]}",
                target={"sender": one.target["sender"], "from": one.target["to"], "to": one.target["from"]},
            )
            for one in self.commands
            if _held(intake, one) == one.target["to"]
        )
        return Plan(
            does="Put the replaced secrets back." if fitting else "Nothing to put back: other secrets are there now.",
            commands=fitting,
            blast_radius=BlastRadius(touched=len(fitting), total=len(intake.senders), noun="senders"),
            risk=Risk.LOW,
            loses="Nothing.",
            language="sh",
        )

    def apply(self, intake: AlertIntake, plan: Plan) -> Outcome:
        rows: list[Row] = []
        for command in plan.commands:
            sender = intake.senders[str(command.target["sender"])]
            kept = secret_file.kept(sender.secret_file)
            if not kept.exists() or _print(secret_file.read(kept, NOUN)) != command.target["to"]:
                raise Refused(f"Beside {sender.secret_file} lies another secret, or none; it is left alone.")
            secret_file.put_back(sender.secret_file, NOUN)
            rows.append({"sender": command.target["sender"], "has": command.target["to"]})
        return Outcome(says=f"{len(rows)} put back.", complete=True, rows=rows)

    def applied(self, intake: AlertIntake, plan: Plan) -> bool | None:
        return all(_held(intake, command) == command.target["to"] for command in plan.commands)


def _print(secret: SecretStr) -> str:
    """By which a person tells two secrets apart, as the intake shows it."""
    return hashlib.sha256(secret.get_secret_value().encode()).hexdigest()[:8]


def _held(intake: AlertIntake, command: Command) -> str:
    sender = intake.senders.get(str(command.target["sender"]))
    return "" if sender is None else _print(secret_file.read(sender.secret_file, NOUN))


def _tested(source: Source) -> str:
    return source.tested.isoformat() if source.tested else ""


def _listed(commands: tuple[Command, ...]) -> str:
    return ", ".join(str(command.target["source"]) for command in commands)
