"""The lab's own mail server: takes mail by SMTP, and gives it out by IMAP; and it lets itself be told to be ill.

Started as a script, by its path, so that it need not import the house to be up in a moment:
`python mail_server.py FOLDER SMTP_PORT IMAP_PORT`. FOLDER holds `good.pem` and `expired.pem` (key and certificate) and
`settings.json` (deployments/lab/mail.py). Mail lies in `mail/`, a Maildir for each account.

A file of trouble, one for each of its services, may hold `refused`, the SHA-256 of passwords that it refuses, and that
of SMTP `certificate`, the name of the one to show. Both files are deleted when it starts: a server that reads its own
files again forgets.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import mailbox
import os
import signal
import ssl
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.maildir import Config, Identity, Login
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer

HOST = "127.0.0.1"
NAME = "mail.lab.test"
SETTINGS, MAIL = "settings.json", "mail"
CERTIFICATES = ("good", "expired")
MOST_BYTES = 10 * 2**20
REFUSED = "535 5.7.8 Authentication credentials invalid"


class Accounts:
    """Who may come in, by which of their passwords, and where their mail lies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
        self.passwords: dict[str, list[str]] = told["passwords"]
        self._trouble = {service: folder / name for service, name in told["trouble"].items()}
        for file in self._trouble.values():
            file.unlink(missing_ok=True)
        (folder / MAIL).mkdir(mode=0o700, exist_ok=True)
        for user in self.passwords:
            self.maildir(user)

    def trouble(self, service: str) -> dict[str, Any]:
        with contextlib.suppress(OSError, ValueError):
            told = json.loads(self._trouble[service].read_text(encoding="utf-8"))
            return told if isinstance(told, dict) else {}
        return {}

    def lets_in(self, service: str, user: str, password: str) -> bool:
        refused = self.trouble(service).get("refused", [])
        known = password in self.passwords.get(user, ())
        return known and hashlib.sha256(password.encode()).hexdigest() not in refused

    def maildir(self, user: str) -> mailbox.Maildir:
        return mailbox.Maildir(self.folder / MAIL / user, create=True)


class Receiver:
    """Takes mail of its own accounts for its own accounts."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def let_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        good = isinstance(data, LoginPassword) and self._accounts.lets_in(
            "smtp", data.login.decode(errors="replace"), data.password.decode(errors="replace")
        )
        return AuthResult(success=good, handled=False, message=None if good else REFUSED)

    async def handle_MAIL(  # noqa: N802 - aiosmtpd finds it by this name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address not in self._accounts.passwords:
            return "553 5.7.1 Sender address rejected: not owned by user"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address not in self._accounts.passwords:
            return "550 5.1.1 Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        for user in envelope.rcpt_tos:
            self._accounts.maildir(user).add(content if isinstance(content, bytes) else content.encode())
        return "250 2.0.0 Ok: queued"


class Account:
    """An account, as what pymap compares a name and a password with."""

    def __init__(self, accounts: Accounts, user: str) -> None:
        self._accounts = accounts
        self.authcid = user

    def compare_authcid(self, user: str) -> bool:
        return user == self.authcid

    def compare_secret(self, password: str) -> bool:
        return self._accounts.lets_in("imap", self.authcid, password)

    def get_clear_secret(self) -> str | None:
        return None


class Door(Login):
    """Asks the same accounts as the SMTP side."""

    def __init__(self, config: Config, accounts: Accounts) -> None:
        super().__init__(config)
        self._accounts = accounts

    async def authenticate(self, credentials: Any) -> Identity:
        if not credentials.verify(Account(self._accounts, credentials.authcid)):
            raise InvalidAuth
        return Identity(self.config, self.tokens, credentials.authcid, None, frozenset())


def receiver(accounts: Accounts) -> Callable[[], SMTP]:
    """Makes the SMTP side of a connection, with the certificate that is to be shown just now."""
    shown = {name: context(accounts.folder / f"{name}.pem") for name in CERTIFICATES}
    handler = Receiver(accounts)

    def made() -> SMTP:
        certificate = accounts.trouble("smtp").get("certificate", "good")
        return SMTP(
            handler,
            hostname=NAME,
            ident="ESMTP the lab's mail server",
            tls_context=shown.get(certificate, shown["good"]),
            auth_required=True,
            auth_require_tls=True,
            authenticator=handler.let_in,
            data_size_limit=MOST_BYTES,
        )

    return made


def giver(accounts: Accounts) -> Callable[..., Any]:
    """The IMAP side, over TLS from the first byte."""
    base = accounts.folder / MAIL
    lines = "".join(f"{user}:x::::{user}:\n" for user in accounts.passwords)
    (base / "pymap-etc-passwd").write_text(lines, encoding="utf-8")
    told = Namespace(passlib_cfg=None, proxy_protocol=None, debug=False, cert=None, key=None, concurrency=2)
    config = Config.from_args(
        Namespace(**vars(told), host=HOST, port=0, tls=False, base_dir=str(base), layout="++", colon=None),
        ssl_context=context(accounts.folder / "good.pem"),
    )
    config.apply_context()
    return ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(Door(config, accounts), config))


def context(file: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made


async def serve(folder: Path, smtp_port: int, imap_port: int) -> None:
    accounts = Accounts(folder)
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, over.set)
    secured = context(folder / "good.pem")
    async with (
        await asyncio.start_server(giver(accounts), HOST, imap_port, ssl=secured),
        # The last to be up: whoever finds it finds both.
        await loop.create_server(receiver(accounts), HOST, smtp_port),
    ):
        await over.wait()


def main() -> None:
    # Its log tells of every visitor that does not believe an expired certificate, with a traceback.
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    # For its greeting pymap would ask a name server who we are.
    os.environ["FQDN"] = NAME
    folder, smtp_port, imap_port = sys.argv[1:]
    asyncio.run(serve(Path(folder), int(smtp_port), int(imap_port)))


if __name__ == "__main__":
    main()
