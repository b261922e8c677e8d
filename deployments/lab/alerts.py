"""The lab's monitoring: a source of every kind, with secrets of the lab's own, so that each can be tried by hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployments import private_file
from deployments.intake import settings
from deployments.intake.alertmanager import Alertmanager
from deployments.intake.mapping import Mapped
from deployments.lab import alerter
from tasks.config import LAB

# What its alerts open.
RUNBOOK = "database/blocked-sessions"
# For the kinds that know nothing of their senders; each sample is a problem of its own.
EXAMPLE = {"id": "sample", "title": "Sent by incident alerts test"}
# What asks how its sources stand has a key beside theirs.
STATUS = "status"
FIELDS = {"title": "title", "fingerprint": "join(' ', [id, to_string(sample_sent_at)])"}


def name(kind: str) -> str:
    """What the lab's source of this kind is called: a person may have one of their own."""
    return f"{LAB}-{kind}"


def source() -> str:
    """The source that the lab's own monitoring sends to."""
    return name(Alertmanager.type)


def url(port: int) -> str:
    """Where the lab's alerts are taken."""
    return f"http://127.0.0.1:{port}"


def prepare(folder: Path, port: int, keys: Mapping[str, str]) -> None:
    """Give the lab's monitoring its address and its secret."""
    folder.mkdir(mode=0o700, exist_ok=True)
    private_file.write(folder / alerter.URL, f"{url(port)}/alerts/{source()}")
    private_file.write(folder / alerter.SECRET, f"{keys[Alertmanager.type]}\n")


def text(port: int, keys: dict[str, str]) -> str:
    """The lab's `[alerts]`. `keys` are the secrets so far, by kind; new ones are added."""
    return "\n".join(_lines(port, keys))


def _lines(port: int, keys: dict[str, str]) -> Iterator[str]:
    status = keys.setdefault(STATUS, secrets.token_hex(24))
    yield f'[alerts]\nport = {port}\nstatus_secret = "{status}"\n'
    for kind, source in sorted(settings.kinds().items()):
        # Hexadecimal is base64 too, which one of them wants.
        key = keys.setdefault(kind, secrets.token_hex(24))
        yield f'[alerts.sources.{name(kind)}]\ntype = "{kind}"\nenvironment = "{LAB}"\nsecret = "{key}"'
        if issubclass(source, Mapped):
            fields = ", ".join(f'{field} = "{expression}"' for field, expression in FIELDS.items())
            yield f"example = '{json.dumps(EXAMPLE)}'\nfields = {{ {fields} }}"
        yield f'[[alerts.rules]]\nsource = "{name(kind)}"\nrunbook = "{RUNBOOK}"\n'
