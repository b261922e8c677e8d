"""The lab's servers beside its Postgres: programs of ours, each with a folder and ports of its own."""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deployments import accounts, private_file
from deployments.home import Part
from deployments.lab import (
    alerter,
    calendar,
    certificates,
    mail,
    mail_domain,
    n8n,
    provider,
    queues,
    sender,
    slack,
    valkey,
    vendors,
    website,
)
from deployments.lab.service import (
    ALERTER,
    CALENDAR,
    MAIL,
    MAIL_PROVIDER,
    N8N,
    NAME_SERVER,
    SENDER,
    SLACK,
    VALKEY,
    VENDORS,
    WEBSITE,
    WORKER,
)
from deployments.supervise import Program, Supervisor
from deployments.trouble import CannotStart

# The way of a role (monitor, app, …) to the lab's database, or to another one of its server.
Url = Callable[..., str]
ANSWERS_WITHIN_S = 20.0
POLL_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Server:
    """A script that is run as `python SCRIPT FOLDER PORT …`: by its path, so that it need not import the house.

    `ports` are named as `environment.toml` asks for them; after them it is told those of servers before it that it
    `uses`. `prepare` fills the folder before each start: certificates, settings; and takes away what a drill of a lab
    that was killed has left there.
    """

    name: str
    script: str
    ports: tuple[str, ...]
    prepare: Callable[[Path, Url], None]
    uses: tuple[str, ...] = ()

    def program(self, part: Part, url: Url, ports: Mapping[str, int]) -> Program:
        folder = part.beside(self.name)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.prepare(folder, url)
        command = [
            sys.executable,
            "-P",
            self.script,
            str(folder),
            *(str(ports[name]) for name in (*self.ports, *self.uses)),
        ]
        return Program(name=self.name, command=command)


def _website(folder: Path, _: Url) -> None:
    (folder / website.TROUBLE).unlink(missing_ok=True)
    certificates.issue(folder)


def _sender(folder: Path, url: Url) -> None:
    private_file.write(folder / sender.URL, url("app"))


def _name_server(folder: Path, _: Url) -> None:
    mail_domain.prepare(folder)


def _mail(folder: Path, _: Url) -> None:
    mail.prepare(folder)
    certificates.issue(folder)


def _mail_provider(folder: Path, _: Url) -> None:
    for name in (provider.TROUBLE, provider.STATE, f"{provider.KEY}.before"):
        (folder / name).unlink(missing_ok=True)
    keys = {name: accounts.new_password() for name in provider.HELD}
    private_file.write_json(folder / provider.KEYS, keys)
    private_file.write(folder / provider.KEY, f"{keys[provider.FIRST]}\n")


def _n8n(folder: Path, _: Url) -> None:
    for name in (n8n.TROUBLE, n8n.STATE):
        (folder / name).unlink(missing_ok=True)
    private_file.write_json(folder / n8n.KEYS, {accounts.new_password(): n8n.SCOPES})


def _vendors(folder: Path, url: Url) -> None:
    keys = {vendor: {name: accounts.new_password() for name in vendors.HELD} for vendor in vendors.NAMES}
    private_file.write_json(folder / vendors.KEYS, keys)
    private_file.write(folder / vendors.URL, url("app"))
    for vendor, held in keys.items():
        for name in (vendors.trouble_file(vendor), f"{vendors.key_file(vendor)}.before"):
            (folder / name).unlink(missing_ok=True)
        private_file.write(folder / vendors.key_file(vendor), f"{held[vendors.FIRST]}\n")
    (folder / vendors.LINKS).unlink(missing_ok=True)


def _calendar(folder: Path, _: Url) -> None:
    for name in (calendar.TROUBLE, f"{calendar.SECRET}.before", f"{calendar.REDIRECT}.before"):
        (folder / name).unlink(missing_ok=True)
    clients = {
        vendor: {
            "client_id": f"lab-{vendor}",
            "secrets": [accounts.new_password(), accounts.new_password()],
            "redirects": [calendar.REGISTERED.format(vendor=vendor)],
        }
        for vendor in (calendar.GOOGLE, calendar.MICROSOFT)
    }
    private_file.write_json(folder / calendar.CLIENTS, clients)
    private_file.write(folder / calendar.SECRET, f"{clients[calendar.GOOGLE]['secrets'][0]}\n")
    private_file.write(folder / calendar.REDIRECT, f"{calendar.REGISTERED.format(vendor=calendar.GOOGLE)}\n")


def _valkey(folder: Path, _: Url) -> None:
    queues.prepare_valkey(folder)


def _worker(folder: Path, _: Url) -> None:
    queues.prepare_worker(folder, folder.with_name(VALKEY))


def _alerter(folder: Path, _: Url) -> None:
    """Its secret and address are the lab's alerts' own (alerts.prepare)."""
    (folder / f"{alerter.SECRET}.before").unlink(missing_ok=True)


def _slack(folder: Path, _: Url) -> None:
    (folder / f"{slack.TOKEN}.before").unlink(missing_ok=True)
    tokens = [f"xoxb-{accounts.new_password()}" for _ in range(2)]
    private_file.write(folder / slack.TOKENS, "\n".join(tokens))
    private_file.write(folder / slack.TOKEN, f"{tokens[0]}\n")


# Not imported: it takes dnspython, and who starts a lab need not wait for that.
_NAME_SERVER = str(Path(__file__).with_name("name_server.py"))

# They stop in reverse order.
BESIDE = (
    Server(name=WEBSITE, script=website.__file__, ports=(WEBSITE,), prepare=_website),
    Server(name=SENDER, script=sender.__file__, ports=(), prepare=_sender),
    Server(name=NAME_SERVER, script=_NAME_SERVER, ports=(NAME_SERVER,), prepare=_name_server),
    Server(name=MAIL, script=mail.SCRIPT, ports=(mail.SMTP, mail.IMAP), prepare=_mail),
    Server(name=MAIL_PROVIDER, script=provider.__file__, ports=(MAIL_PROVIDER,), prepare=_mail_provider),
    Server(name=N8N, script=n8n.__file__, ports=(N8N,), prepare=_n8n),
    Server(name=VENDORS, script=vendors.__file__, ports=(VENDORS,), prepare=_vendors),
    Server(name=CALENDAR, script=calendar.__file__, ports=(CALENDAR,), prepare=_calendar),
    Server(name=VALKEY, script=valkey.__file__, ports=(VALKEY,), prepare=_valkey),
    Server(name=WORKER, script=queues.WORKER, ports=(), prepare=_worker, uses=(VALKEY,)),
    Server(name=ALERTER, script=alerter.__file__, ports=(), prepare=_alerter),
    Server(name=SLACK, script=slack.__file__, ports=(SLACK,), prepare=_slack),
)
NAMES = [server.name for server in BESIDE]
# By the name it has in the lab's state: what people call it.
PORTS = {port: f"the lab's {server.name}" for server in BESIDE for port in server.ports}


def start(supervisor: Supervisor) -> None:
    """Start those that are not up. They are not waited for: they are up long before the database is."""
    up = supervisor.pids()
    for server in BESIDE:
        if server.name not in up:
            supervisor.start(server.name)


def wait(supervisor: Supervisor, ports: Mapping[str, int]) -> None:
    """Wait until each port of each is open.

    Raises:
        CannotStart: one ended, or does not open it.
    """
    until = time.monotonic() + ANSWERS_WITHIN_S
    for server in BESIDE:
        alive = supervisor.watch(server.name)
        for name in server.ports:
            while not _open(ports[name]):
                if not alive() or time.monotonic() > until:
                    log = supervisor.part.log(server.name)
                    raise CannotStart(f"The lab's {server.name} did not start. See {log}.")
                time.sleep(POLL_S)


def _open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
