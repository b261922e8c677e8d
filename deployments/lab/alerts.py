"""The lab's monitoring: a source of every kind, with secrets of the lab's own, so that each can be tried by hand."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

from deployments.intake import settings
from deployments.intake.mapping import Mapped
from tasks.config import LAB

# What its alerts open.
RUNBOOK = "database/blocked-sessions"
# For the kinds that know nothing of their senders; each sample is a problem of its own.
EXAMPLE = {"id": "sample", "title": "Sent by incident alerts test"}
FIELDS = {"title": "title", "fingerprint": "join(' ', [id, to_string(sample_sent_at)])"}


def name(kind: str) -> str:
    """What the lab's source of this kind is called: a person may have one of their own."""
    return f"{LAB}-{kind}"


def text(port: int, keys: dict[str, str]) -> str:
    """The lab's `[alerts]`. `keys` are the secrets so far, by kind; new ones are added."""
    return "\n".join(_lines(port, keys))


def _lines(port: int, keys: dict[str, str]) -> Iterator[str]:
    yield f"[alerts]\nport = {port}\n"
    for kind, source in sorted(settings.kinds().items()):
        # Hexadecimal is base64 too, which one of them wants.
        key = keys.setdefault(kind, secrets.token_hex(24))
        yield f'[alerts.sources.{name(kind)}]\ntype = "{kind}"\nenvironment = "{LAB}"\nsecret = "{key}"'
        if issubclass(source, Mapped):
            fields = ", ".join(f'{field} = "{expression}"' for field, expression in FIELDS.items())
            yield f"example = '{json.dumps(EXAMPLE)}'\nfields = {{ {fields} }}"
        yield f'[[alerts.rules]]\nsource = "{name(kind)}"\nrunbook = "{RUNBOOK}"\n'
