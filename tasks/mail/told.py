"""How a drill makes a mail server ill that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from tasks import drill_file
from tasks.mail.server import MailServer
from tasks.model import Json


@dataclass(frozen=True)
class Told:
    """What it was told, and the password that stood in its file before."""

    file: Path
    password_file: Path | None = None
    before: str | None = None


def tell(server: MailServer, **what: Json) -> Told:
    """Write it down for the server.

    Raises:
        Refused: the server has no file to be told by.
    """
    return Told(drill_file.tell(server.drill_file, server.address, what))


def refuse_password(server: MailServer) -> Told:
    """Let it refuse the password in use; of the password it is told a mark only."""
    secret = server.secret().get_secret_value()
    told = tell(server, refused=[hashlib.sha256(secret.encode()).hexdigest()])
    return Told(told.file, server.password_file, secret)


def untell(told: Told) -> None:
    """Let it be well again; where a spare password was put in place, the first one is put back."""
    told.file.unlink(missing_ok=True)
    if told.password_file is None or told.before is None:
        return
    kept = told.password_file.with_name(f"{told.password_file.name}.before")
    if kept.exists():
        kept.replace(told.password_file)
