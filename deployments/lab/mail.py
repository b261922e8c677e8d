"""The lab's mail: its accounts and their passwords, and where its server (mail_server.py) finds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deployments import accounts, private_file

# Not imported: what it is made of takes longer to import than the rest of the lab.
SCRIPT = str(Path(__file__).with_name("mail_server.py"))
SETTINGS, MAIL = "settings.json", "mail"
SMTP, IMAP = "smtp", "imap"
# What a drill tells it, a file for each of its services: it reads them at each login, and forgets them at its start.
TROUBLE = {SMTP: "smtp-trouble.json", IMAP: "imap-trouble.json"}
# The application's passwords lie in files, as a secret store lays them; what a drill puts there lasts until `up`.
PASSWORD_FILES = {SMTP: "smtp-password", IMAP: "imap-password"}
SENDER, PROBE, REPLIES = "app@lab.test", "probe@lab.test", "replies@lab.test"
OWNERS = {SMTP: SENDER, IMAP: REPLIES}


def prepare(folder: Path) -> None:
    """New passwords, two for each account: the one in use, and a spare."""
    passwords = {user: [accounts.new_password(), accounts.new_password()] for user in (SENDER, PROBE, REPLIES)}
    private_file.write_json(folder / SETTINGS, {"passwords": passwords, "trouble": TROUBLE})
    for service, file in PASSWORD_FILES.items():
        private_file.write(folder / file, f"{passwords[OWNERS[service]][0]}\n")


def settings(folder: Path, ports: Mapping[str, int]) -> dict[str, str | int]:
    """What the lab's environment says of it."""
    passwords: Mapping[str, list[str]] = private_file.read_json(folder / SETTINGS)["passwords"]
    told: dict[str, str | int] = {"mail_sender": SENDER, "mail_probe": PROBE, "mail_replies": REPLIES}
    told["probe_password"] = passwords[PROBE][0]
    for service, user in OWNERS.items():
        told |= {
            f"{service}_port": ports[service],
            f"{service}_password_file": str(folder / PASSWORD_FILES[service]),
            f"{service}_spare_password": passwords[user][1],
            f"{service}_trouble": str(folder / TROUBLE[service]),
        }
    return told
