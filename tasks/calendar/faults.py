"""Ways to break the way to users' calendars: a secret that is refused, a redirect URI that is not registered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from tasks import secret_file
from tasks.calendar.system import REDIRECT, SECRET, Calendar, Client
from tasks.fault import Fault
from tasks.model import Refused


@dataclass(frozen=True, kw_only=True)
class Told:
    """A file of the application's as it was, and how the vendor was told; of the latter None where it was not."""

    file: Path
    noun: str
    before: SecretStr
    told: Path | None = None


def _put_right(trouble: Told) -> None:
    if trouble.told is not None:
        trouble.told.unlink(missing_ok=True)
    if secret_file.read(trouble.file, trouble.noun) != trouble.before:
        secret_file.put(trouble.file, trouble.before, trouble.noun)
    secret_file.kept(trouble.file).unlink(missing_ok=True)


class RefuseClient(Fault):
    """Revoke the client secret that the application uses."""

    def cause(self, calendar: Calendar) -> Told:
        told = calendar.drill_file
        client = _first(calendar, lambda one: one.secret_file is not None)
        if told is None or client.secret_file is None:
            raise Refused(
                "These vendors cannot be told to be ill: there is no `drill_file`.",
                remedy='drill_file = "/path/that/your/stand-in/reads.json"  # in lab and staging only',
            )
        secret = client.secret_now()
        mark = hashlib.sha256(secret.get_secret_value().encode()).hexdigest()
        new = told.with_name(f"{told.name}.new")
        new.write_text(json.dumps({client.vendor: {"refused": [mark]}}), encoding="utf-8")
        # In one step: a half file would be read as none.
        new.rename(told)
        return Told(file=client.secret_file, noun=SECRET, before=secret, told=told)

    def cure(self, trouble: Told) -> None:
        _put_right(trouble)


class SendOtherRedirect(Fault):
    """Have the application send a redirect URI that is not registered."""

    def cause(self, calendar: Calendar) -> Told:
        client = _first(calendar, lambda one: one.redirect_file is not None)
        if client.redirect_file is None or calendar.drill_file is None:
            raise Refused("Drills change no application's files where there is no `drill_file`.")
        before = SecretStr(client.redirect_now())
        # A slash at the end is another address.
        secret_file.put(client.redirect_file, SecretStr(f"{before.get_secret_value()}/"), REDIRECT)
        secret_file.kept(client.redirect_file).unlink()
        return Told(file=client.redirect_file, noun=REDIRECT, before=before)

    def cure(self, trouble: Told) -> None:
        _put_right(trouble)


def _first(calendar: Calendar, fits: Callable[[Client], bool]) -> Client:
    for client in calendar.clients:
        if fits(client):
            return client
    raise Refused("No client's secret or redirect URI lies in a file that a drill could change.")
