"""The spare password, put in the place of one that a mail server refuses, and the old one back."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import SecretStr

from tasks import secret_file
from tasks.mail.server import MailServer
from tasks.model import BlastRadius, Command, Outcome, Plan, Refused, Risk, Row
from tasks.secret_file import kept

NOUN = "password"
LOSES = (
    "The password in the file now; it is kept beside it for the way back. What reads the file only when it starts goes "
    "on with the old one until it is restarted."
)


def use_plan(server: MailServer) -> Plan:
    """To put the spare one there, if the one in use is refused and the spare one is not. Neither is in the plan.

    Raises:
        Refused: there is no spare one, or it is refused, too. CannotLook: the server does not say.
    """
    file, spare = _place(server), _spare(server)
    if server.secret().get_secret_value() == spare.get_secret_value():
        return _plan(f"Nothing to put in place: {file} holds the spare password already.", (), server)
    if server.accepts(server.secret()):
        return _plan(f"Nothing to put in place: {server.address} accepts the password in use.", (), server)
    if not server.accepts(spare):
        raise Refused(
            f"{server.address} refuses the spare password of {server.username}, too.",
            remedy=f"Make a new password in the account's settings, and write it into {file}.",
        )
    does = f"Put the spare password of {server.username} at {server.address}, which was tried just now, into {file}."
    return _plan(does, (_command(server, f"write the spare password into {file}", "use the spare password"),), server)


def use(server: MailServer, plan: Plan) -> Outcome:
    """Do it: the old one is kept beside the file.

    Raises:
        Refused: the configuration is another one by now, or the spare password is refused.
    """
    _refuse_other(server, plan)
    file, spare = _place(server), _spare(server)
    old = server.secret()
    if old.get_secret_value() == spare.get_secret_value():
        return Outcome(says=f"{file} holds the spare password already.", complete=True)
    if not server.accepts(spare):
        raise Refused(f"{server.address} refuses the spare password of {server.username} by now.")
    secret_file.put(file, spare, NOUN)
    return Outcome(says=f"{file} holds the spare password now; the old one is in {kept(file)}.", complete=True)


def used(server: MailServer) -> bool:
    return server.secret().get_secret_value() == _spare(server).get_secret_value()


def back_plan(server: MailServer) -> Plan:
    """To put the one there that was there before."""
    file = _place(server)
    if not kept(file).exists():
        return _plan(f"Nothing to put back: there is no {kept(file)}.", (), server)
    line = f"mv {kept(file)} {file}"
    return _plan(
        f"Put the old password of {server.username} back into {file}.", (_command(server, line, "back"),), server
    )


def back(server: MailServer, plan: Plan) -> Outcome:
    """Do it.

    Raises:
        Refused: the configuration is another one by now, or it cannot be written there.
    """
    _refuse_other(server, plan)
    file = _place(server)
    if not secret_file.put_back(file, NOUN):
        return Outcome(says=f"There was no {kept(file)} any more.", complete=False)
    return Outcome(says=f"{file} holds the old password again.", complete=True)


def is_back(server: MailServer) -> bool:
    return not kept(_place(server)).exists()


def _plan(does: str, commands: tuple[Command, ...], server: MailServer) -> Plan:
    return Plan(
        does=does,
        commands=commands,
        blast_radius=BlastRadius(touched=len(commands), total=1, noun=f"passwords of {server.username}"),
        risk=Risk.MODERATE,
        loses=LOSES,
        language="sh",
    )


def _command(server: MailServer, line: str, what: str) -> Command:
    return Command(line=line, target={"what": what, **_where(server)})


def _where(server: MailServer) -> Row:
    """Which file, without its path: a folder may be configured as a secret of another system, and is masked then."""
    file = _place(server)
    mark = hashlib.sha256(str(file).encode()).hexdigest()[:16]
    return {"server": server.address, "user": server.username, "file": file.name, "path": mark}


def _refuse_other(server: MailServer, plan: Plan) -> None:
    now = _where(server)
    for planned in plan.commands:
        if {key: planned.target[key] for key in now} != now:
            raise Refused(
                "The configuration names another server, account or file than was approved.",
                remedy="Open the incident again: it plans with the configuration as it is now.",
            )


def _place(server: MailServer) -> Path:
    if server.password_file is None:
        raise Refused(
            f"The password of {server.username} stands in our configuration: there is no file to put another one into.",
            remedy='password_file = "/run/secrets/…"  # which your application reads, too; and spare_password = "${…}"',
        )
    return server.password_file


def _spare(server: MailServer) -> SecretStr:
    if server.spare_password is None:
        raise Refused(
            f"No spare password is configured for {server.username} at {server.address}.",
            remedy='spare_password = "${…}"  # a second one that the server accepts already',
        )
    return server.spare_password
